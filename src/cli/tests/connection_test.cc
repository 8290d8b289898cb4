#include "cli/connection.h"

#include <gtest/gtest.h>

#include "cli/progress.h"
#include "cli/record_stream.h"

namespace insula::cli {
namespace {

std::string address_of(std::string_view text) {
    const auto address = parse_server_address(text);
    if (!address) return "error";
    return address->host + " " + std::to_string(address->port) + (address->tls ? " tls" : "");
}

TEST(ServerAddress, IsReadFromTheFormsThatPeopleWrite) {
    EXPECT_EQ(address_of("http://127.0.0.1:8000"), "127.0.0.1 8000");
    EXPECT_EQ(address_of("http://localhost:8100/"), "localhost 8100");
    EXPECT_EQ(address_of("localhost:8100"), "localhost 8100");
    EXPECT_EQ(address_of("localhost"), "localhost 8000");
    EXPECT_EQ(address_of("http://data.example"), "data.example 80");
    EXPECT_EQ(address_of("http://[::1]:8000"), "::1 8000");
    EXPECT_EQ(address_of("[::1]"), "::1 8000");
    EXPECT_EQ(address_of("https://data.example"), "data.example 443 tls");
    EXPECT_EQ(address_of("https://[::1]:8000/"), "::1 8000 tls");
    for (const char* bad :
         {"", "http://", "https://", "https://a:", "http://a:b", "http://a:", "http://a:0",
          "http://a:65536", "http://a/b", "http://u@a", "http://[::1", "a b"}) {
        EXPECT_EQ(address_of(bad), "error") << bad;
    }
}

TEST(ServerAddress, OneThatCannotBeIsToldWhy) {
    for (const auto& [text, why] : {std::pair("http://127.0.0.1:99999", "between 1 and 65535"),
                                    {"127.0.0.1:0", "between 1 and 65535"},
                                    {"http://127.0.0.1:1/foo", "a path"},
                                    {"http://data.example/foo", "a path"},
                                    {"http://[::1]x", "HOST:PORT"},
                                    {"http://a:b", "no port number"},
                                    {"http://a:", "no port number"}}) {
        const auto address = parse_server_address(text);
        ASSERT_FALSE(address) << text;
        EXPECT_NE(address.error().message().find(why), std::string_view::npos)
            << text << ": " << address.error().message();
    }
}

TEST(ServerAnswer, AnErrorKeepsWhatTheServerSaid) {
    net::ClientResponse response;
    response.status = 404;
    response.body =
        R"({"error":{"code":"source_not_found","message":"No.","hint":"Look.","request_id":"7f"}})";
    const Error error = answer_error(response);
    EXPECT_EQ(error.reason(), "source_not_found");
    EXPECT_EQ(error.message(), "No.");
    EXPECT_EQ(error.hint(), "Look.");
    EXPECT_EQ(error.detail(), "request 7f");
}

TEST(ServerAnswer, AnythingElseIsSaidToBeNoInsulaServer) {
    net::ClientResponse response;
    response.status = 502;
    for (const char* body : {"<html>Bad gateway</html>", "{}", R"({"error":"x"})", ""}) {
        response.body = body;
        EXPECT_EQ(answer_error(response).reason(), "unexpected_answer") << body;
    }
}

TEST(RecordStream, LinesComeWholeWhateverThePieces) {
    const std::string_view text = "{\"record\":1}\n{\"record\":2}\n{\"end\":{}}\n";
    for (size_t piece = 1; piece <= text.size(); ++piece) {
        std::string seen;
        RecordStream stream([&](std::string_view line) -> Status {
            seen.append(line).append("|");
            return {};
        });
        for (size_t at = 0; at < text.size(); at += piece) {
            ASSERT_TRUE(stream.append(text.substr(at, piece)));
        }
        EXPECT_TRUE(stream.finish());
        EXPECT_EQ(seen, "{\"record\":1}|{\"record\":2}|{\"end\":{}}|");
    }
}

TEST(RecordStream, WithoutALastLineItWasCutOff) {
    RecordStream stream([](std::string_view) -> Status { return {}; });
    ASSERT_TRUE(stream.append("{\"record\":1}\n{\"end\":"));
    EXPECT_EQ(stream.finish().error().reason(), "answer_cut_off");
}

TEST(RecordStream, AnErrorLineIsAnErrorAndNoRow) {
    RecordStream stream([](std::string_view) -> Status { return {}; });
    const Status status =
        stream.append("{\"error\":{\"code\":\"deadline_exceeded\",\"message\":\"Too long.\"}}\n");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().reason(), "deadline_exceeded");
}

TEST(Progress, ShowsPartAmountAndRate) {
    EXPECT_EQ(bytes_text(0), "0 B");
    EXPECT_EQ(bytes_text(1'234'567), "1.2 MB");
    EXPECT_EQ(bytes_text(999'960), "1.0 MB") << "and not 1000.0 kB";
    EXPECT_EQ(progress_line({.name = "a.csv",
                             .total_bytes = 2'000'000,
                             .bytes = 1'000'000,
                             .rows = 300,
                             .seconds = 0.5},
                            10),
              "a.csv  [#####-----]   50 %  1.0 MB  300 rows  2.0 MB/s");
    EXPECT_EQ(
        progress_line({.name = "-", .total_bytes = {}, .bytes = 10, .rows = 1, .seconds = 0}, 10),
        "-  10 B  1 rows");
}

}  // namespace
}  // namespace insula::cli
