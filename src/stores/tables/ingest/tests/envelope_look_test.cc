#include "stores/tables/ingest/envelope_look.h"

#include <gtest/gtest.h>

#include "stores/tables/ingest/json_shredder.h"

namespace insula::tables {
namespace {

// "none", "" for an envelope without a source, or the source.
std::string look(std::string_view body) {
    std::string padded(body);
    padded.reserve(body.size() + kJsonPadding);
    const auto found = find_envelope(padded);
    return found ? found->source_id.value_or("") : "none";
}

TEST(EnvelopeLook, FindsTheSourceWhereverItStands) {
    EXPECT_EQ(look(R"({"source_id":"a","records":[{"fields":{"x":1}}]})"), "a");
    EXPECT_EQ(
        look(R"( {"records":[{"fields":{"x":{"records":[1]}}},{"fields":{}}],"source_id":"b"})"),
        "b");
    EXPECT_EQ(look("\xEF\xBB\xBF{\"source_id\":\"a\",\"records\":[]}"), "a");
    EXPECT_EQ(look(R"({"source_id":"a","records":[7],"more":1})"), "a");
    EXPECT_EQ(look(R"({"records":[{"fields":{"x":1}}, 5]})"), "");
}

TEST(EnvelopeLook, ADocumentIsNone) {
    for (const char* body :
         {"", "  ", "[{\"source_id\":\"a\",\"records\":[]}]", R"({"source_id":"a"})",
          R"({"source_id":"a","records":5})", R"({"source_id":5,"records":[]})",
          R"({"records":[1,2]})", R"({"records":[]})", R"({"records":[{"fields":1,"id":2}]})",
          R"({"records":[{"fields":{}}],"more":1})", R"({"a":"\"records\"","source_id":"a"})",
          R"({"a":{"records":[{"fields":{}}]},"source_id":"a"})"}) {
        EXPECT_EQ(look(body), "none") << body;
    }
}

TEST(EnvelopeLook, WhatIsNoJsonIsLeftToWhoReadsIt) {
    for (const char* body : {R"({"source_id":"a","records":[)", R"({"records": x})",
                             R"({"source_id":"a","records":[{"fields":{}})"}) {
        EXPECT_EQ(look(body), "none") << body;
    }
}

}  // namespace
}  // namespace insula::tables
