#include "cli/batch_splitter.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace insula::cli {
namespace {

// The batches of a text that comes in pieces of `piece` bytes.
std::vector<Batch> split(RecordFormat format, size_t batch_bytes, std::string_view text,
                         size_t piece) {
    BatchSplitter splitter(format, batch_bytes);
    std::vector<Batch> batches;
    const auto take = [&] {
        for (;;) {
            auto batch = splitter.next();
            ASSERT_TRUE(batch);
            if (!*batch) return;
            batches.push_back(*std::move(*batch));
        }
    };
    while (!text.empty()) {
        splitter.append(text.substr(0, piece));
        text.remove_prefix(std::min(piece, text.size()));
        take();
    }
    splitter.finish();
    take();
    return batches;
}

std::vector<std::string> bodies(RecordFormat format, size_t batch_bytes, std::string_view text,
                                size_t piece = 1000) {
    std::vector<std::string> out;
    for (Batch& batch : split(format, batch_bytes, text, piece)) out.push_back(batch.body);
    return out;
}

using Bodies = std::vector<std::string>;

TEST(BatchSplitter, LinesAreNeverCut) {
    EXPECT_EQ(bodies(RecordFormat::ndjson, 10, "{1}\n{22}\n{333}\n{4}\n"),
              (Bodies{"{1}\n{22}\n", "{333}\n{4}\n"}));
    EXPECT_EQ(bodies(RecordFormat::ndjson, 4, "{1}\n{2}\n"), (Bodies{"{1}\n", "{2}\n"}));
    EXPECT_EQ(bodies(RecordFormat::ndjson, 100, "{1}\n{2}"), (Bodies{"{1}\n{2}"}));
}

TEST(BatchSplitter, ARecordLongerThanABatchGoesAlone) {
    EXPECT_EQ(bodies(RecordFormat::ndjson, 4, "{1}\n{too long}\n{2}\n"),
              (Bodies{"{1}\n", "{too long}\n", "{2}\n"}));
}

TEST(BatchSplitter, NothingIsMadeOfEmptyLines) {
    EXPECT_EQ(bodies(RecordFormat::ndjson, 4, ""), Bodies{});
    EXPECT_EQ(bodies(RecordFormat::ndjson, 4, "\n\n \r\n\n\n\n"), Bodies{});
    EXPECT_EQ(bodies(RecordFormat::ndjson, 4, "\n\n\n\n\n{1}\n"), Bodies{"{1}\n"});
    EXPECT_EQ(bodies(RecordFormat::csv, 4, "a,b\n"), Bodies{}) << "a header alone";
    EXPECT_EQ(bodies(RecordFormat::csv, 4, "a,b"), Bodies{});
}

TEST(BatchSplitter, EveryCsvBatchHasTheHeader) {
    EXPECT_EQ(bodies(RecordFormat::csv, 12, "a,b\n1,2\n3,4\n5,6\n"),
              (Bodies{"a,b\n1,2\n3,4\n", "a,b\n5,6\n"}));
    EXPECT_EQ(bodies(RecordFormat::csv, 12, "\n\na,b\r\n1,2"), Bodies{"a,b\r\n1,2"});
    EXPECT_EQ(bodies(RecordFormat::csv, 1, "\"x\ny\",b\n1,2\n3,4\n"),
              (Bodies{"\"x\ny\",b\n1,2\n", "\"x\ny\",b\n3,4\n"}));
}

TEST(BatchSplitter, LineEndsInQuotesAreNoBorders) {
    EXPECT_EQ(bodies(RecordFormat::csv, 1, "a,b\n1,\"x\ny\n\"\n2,\"say \"\"\n\"\"\"\r\n3,z\n"),
              (Bodies{"a,b\n1,\"x\ny\n\"\n", "a,b\n2,\"say \"\"\n\"\"\"\r\n", "a,b\n3,z\n"}));
}

TEST(BatchSplitter, ALoneCarriageReturnEndsALine) {
    EXPECT_EQ(bodies(RecordFormat::csv, 1, "a\r1\r\"2\r\"\r3", 1),
              (Bodies{"a\r1\r", "a\r\"2\r\"\r", "a\r3"}));
}

TEST(BatchSplitter, PositionsAreThoseOfTheInput) {
    const auto batches = split(RecordFormat::csv, 8, "a,b\n1,2\n3,4\n", 5);
    ASSERT_EQ(batches.size(), 2u);
    EXPECT_EQ(batches[0].begin, 4u);
    EXPECT_EQ(batches[0].end, 8u);
    EXPECT_EQ(batches[1].begin, 8u);
    EXPECT_EQ(batches[1].end, 12u);
}

TEST(BatchSplitter, AnUnclosedQuoteIsRefusedBeforeItFillsTheMemory) {
    BatchSplitter splitter(RecordFormat::csv, kMiB);
    splitter.append("a\n1\n\"");
    const std::string piece(8 * kMiB, 'x');
    for (size_t bytes = 0; bytes <= kRecordBytesMax; bytes += piece.size()) {
        splitter.append(piece);
        const auto batch = splitter.next();
        if (batch) continue;
        EXPECT_EQ(batch.error().reason(), "record_too_long");
        EXPECT_NE(batch.error().message().find("byte 4"), std::string_view::npos)
            << batch.error().message();
        return;
    }
    FAIL() << "a record beyond the limit was accepted";
}

// What is the same for any text and any pieces: nothing is lost, and borders do not depend on the
// pieces.
TEST(BatchSplitter, BordersDependOnTheTextAlone) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int run = 0; run < 300; ++run) {
        const RecordFormat format = run % 2 == 0 ? RecordFormat::csv : RecordFormat::ndjson;
        std::string text = "h\n";
        const size_t length = random() % 200;
        for (size_t i = 0; i < length; ++i) text.push_back("ab\n\r\"\","[random() % 7]);
        const size_t batch_bytes = 1 + random() % 40;
        const Bodies whole = bodies(format, batch_bytes, text, text.size());
        EXPECT_EQ(bodies(format, batch_bytes, text, 1 + random() % 7), whole) << text;
        std::string joined = format == RecordFormat::csv ? "h\n" : "";
        for (const std::string& body : whole)
            joined += body.substr(format == RecordFormat::csv ? 2 : 0);
        // Batches of empty lines alone are left out.
        const auto filled = [](std::string_view from) {
            std::string out;
            for (const char c : from) {
                if (c != '\n' && c != '\r') out.push_back(c);
            }
            return out;
        };
        EXPECT_EQ(filled(joined), filled(text));
    }
}

}  // namespace
}  // namespace insula::cli
