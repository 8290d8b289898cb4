#include "stores/tables/ingest/text_pieces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "stores/tables/ingest/csv_shredder.h"
#include "stores/tables/ingest/csv_types.h"
#include "stores/tables/ingest/json_shredder.h"

namespace insula::tables {
namespace {

using Texts = std::vector<std::string>;

TextPieces::Read reader_of(const std::string& content) {
    return [&content](MutableBytes out, uint64_t offset) -> Result<size_t> {
        if (offset >= content.size()) return size_t{0};
        const size_t count = std::min<uint64_t>(out.size(), content.size() - offset);
        std::memcpy(out.data(), content.data() + offset, count);
        return count;
    };
}

// With pieces as small as they can be: a record each.
Result<Texts> pieces_of(const std::string& content, TextFormat format, size_t piece_bytes = 1) {
    TextPieces pieces(reader_of(content), format, piece_bytes);
    Texts texts;
    for (;;) {
        ASSIGN_OR_RETURN(const auto piece, pieces.next());
        if (!piece) return texts;
        texts.emplace_back(piece->text);
    }
}

std::string joined(const Result<Texts>& texts) {
    if (!texts)
        return std::string(texts.error().reason()) + ": " + std::string(texts.error().message());
    std::string all;
    for (const std::string& text : *texts) all += "<" + text + ">";
    return all;
}

// The whole content in one read, so the pieces are what the records are.
std::string all_of(const std::string& content, TextFormat format) {
    return joined(pieces_of(content, format, 1u << 20));
}

uint64_t rows_of(const std::string& content, TextFormat format, size_t piece_bytes) {
    uint64_t rows = 0;
    TextPieces pieces(reader_of(content), format, piece_bytes);
    auto schema = std::make_shared<const Schema>();
    for (;;) {
        const auto piece = pieces.next();
        EXPECT_TRUE(piece) << piece.error().describe();
        if (!piece || !*piece) return rows;
        const auto batch = format == TextFormat::json ? shred_ndjson((*piece)->text, schema)
                                                      : shred_csv((*piece)->text, ',', schema);
        EXPECT_TRUE(batch) << batch.error().describe();
        if (!batch) return rows;
        rows += batch->rows;
        schema = batch->schema;
    }
}

TEST(TextPieces, DocumentsEndWithTheirBracketOrLine) {
    EXPECT_EQ(all_of("{\"a\":1}\n{\"a\":\"}\\\"{\"}\r\n\n  {\n \"b\": [1,\n 2]}", TextFormat::json),
              "<{\"a\":1}\n{\"a\":\"}\\\"{\"}\r\n\n  {\n \"b\": [1,\n 2]}>");
    EXPECT_EQ(all_of("\xEF\xBB\xBF{} {}", TextFormat::json), "<{} {}>");
    EXPECT_EQ(all_of("", TextFormat::json), "");
    EXPECT_EQ(all_of(" \n\t", TextFormat::json), "");
    // What is no JSON comes to the reader, which says so.
    EXPECT_EQ(all_of("{\"a\":1}\n{\"a\":", TextFormat::json), "<{\"a\":1}\n><{\"a\":>");
    EXPECT_EQ(all_of("nonsense", TextFormat::json), "<nonsense>");
}

TEST(TextPieces, AnArrayBecomesDocuments) {
    EXPECT_EQ(all_of("[{\"a\":[1,2]} , {\"b\":\",]\"}]\n", TextFormat::json),
              "< {\"a\":[1,2]} \n {\"b\":\",]\"}\n>");
    EXPECT_EQ(all_of(" [ ] ", TextFormat::json), "");
    EXPECT_EQ(all_of("[1, \"x\", null]", TextFormat::json), "< 1\n \"x\"\n null\n>");
}

TEST(TextPieces, AnArrayThatIsNoneIsRefusedWithThePlace) {
    const auto refused = [](const std::string& content) {
        const std::string text = all_of(content, TextFormat::json);
        return text.starts_with("malformed_json: The array of documents ") ? text.substr(39) : text;
    };
    EXPECT_EQ(refused("[{},,{}]"), "lacks a document at byte 4.");
    EXPECT_EQ(refused("[{},]"), "lacks a document at byte 4.");
    EXPECT_EQ(refused("[,{}]"), "lacks a document at byte 1.");
    EXPECT_EQ(refused("[{} {}]"), "lacks a comma at byte 4.");
    EXPECT_EQ(refused("[{}] {}"), "is followed by something at byte 5.");
    EXPECT_EQ(refused("["), "is not closed at its end, at byte 1.");
    EXPECT_EQ(joined(pieces_of("[{}", TextFormat::json)),
              "malformed_json: The array of documents is not closed at its end, at byte 3.");
}

TEST(TextPieces, EveryCsvPieceBeginsWithTheHeader) {
    std::string content = "\n\na,b\r\n";
    for (int i = 0; i < 400'000; ++i) content += "1,\"x\ny\"\"\r\n\"\r\n";
    const auto pieces = pieces_of(content, TextFormat::csv, 100);
    ASSERT_TRUE(pieces);
    EXPECT_GT(pieces->size(), 3u);
    for (const std::string& piece : *pieces) {
        EXPECT_TRUE(piece.find("a,b\r\n1,\"x") < 3) << piece.substr(0, 20);
        EXPECT_TRUE(piece.ends_with("\"\r\n")) << piece.substr(piece.size() - 20);
    }
    EXPECT_EQ(rows_of(content, TextFormat::csv, 100), 400'000u);
    EXPECT_EQ(all_of("a,b", TextFormat::csv), "");
    EXPECT_EQ(all_of("a,b\r1,2\r3,4\r", TextFormat::csv), "<a,b\r1,2\r><a,b\r3,4\r>");
    EXPECT_EQ(all_of("a,b\n1,2", TextFormat::csv), "<a,b\n1,2>");
    EXPECT_EQ(all_of("\xEF\xBB\xBF\"a\nb\"\n1\n", TextFormat::csv), "<\"a\nb\"\n1\n>");
}

TEST(TextPieces, ARecordWithoutAnEndIsRefused) {
    std::string content = "a\n1\n\"";
    content.append(kTextRecordBytesMax + (2u << 20), 'x');
    const auto pieces = pieces_of(content, TextFormat::csv);
    ASSERT_FALSE(pieces);
    EXPECT_EQ(pieces.error().reason(), "document_too_large");
    content = "{\"a\": [" + content;
    EXPECT_EQ(pieces_of(content, TextFormat::json).error().reason(), "document_too_large");
}

TEST(TextPieces, AFailedReadComesBack) {
    TextPieces pieces(
        [](MutableBytes, uint64_t) -> Result<size_t> { return fail(data_loss("no bytes")); },
        TextFormat::csv);
    EXPECT_EQ(pieces.next().error().code(), Code::data_loss);
}

// Wherever pieces are cut, the rows are those of the whole.
TEST(TextPieces, CutsLoseNothing) {
    const uint64_t seed = std::random_device()();
    RecordProperty("seed", std::to_string(seed));
    std::mt19937_64 random(seed);
    constexpr int kRows = 200'000;
    std::string lines;
    std::string array = "[";
    std::string csv = "a,b\n";
    for (int i = 0; i < kRows; ++i) {
        const std::string text(random() % 30, "x\n,]{"[random() % 5]);
        std::string escaped;
        for (const char c : text) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
        const std::string document =
            "{\"a\": " + std::to_string(i) + ", \"b\": \"" + escaped + "\\\\\"}";
        lines += document + (random() % 4 == 0 ? "\n\n" : "\n");
        array += (i > 0 ? std::string(random() % 3, ' ') + ",\n" : "") + document;
        csv += std::to_string(i) + ",\"" + text + "\"\n";
    }
    array += "]";
    for (const size_t piece_bytes : {size_t{1}, size_t{1 + random() % (4u << 20)}}) {
        EXPECT_EQ(rows_of(lines, TextFormat::json, piece_bytes), kRows) << "seed " << seed;
        EXPECT_EQ(rows_of(array, TextFormat::json, piece_bytes), kRows) << "seed " << seed;
        EXPECT_EQ(rows_of(csv, TextFormat::csv, piece_bytes), kRows) << "seed " << seed;
    }
}

TEST(CsvTypes, AreThoseOfAllPieces) {
    CsvTypes types;
    ASSERT_TRUE(types.add("a,b,c,d,e\n1,1,true,,5\n", ','));
    ASSERT_TRUE(types.add("a,b,c,d,e\n2,n/a,false,,6\n", ','));
    ASSERT_TRUE(types.add("a,b,c,d,e\n2.5,3,true,,007\n", ','));
    auto known = std::make_shared<Schema>();
    known->add({}, "e", ColumnType::int64, true);
    const SchemaPtr schema = types.extend(known);
    std::string text;
    for (const catalog::Column& column : schema->columns()) {
        text += column.name + ":" + std::string(column_type_name(column.type)) + " ";
    }
    EXPECT_EQ(text, "e:int64 a:float64 b:string c:bool ");
    const auto batch = shred_csv("a,b,c,d,e\n1,1,true,,5\n", ',', schema);
    ASSERT_TRUE(batch);
    EXPECT_TRUE(batch->changes.empty());
    EXPECT_EQ(types.add("a,b\n\xFF,1\n", ',').error().reason(), "invalid_utf8");
}

}  // namespace
}  // namespace insula::tables
