#include "core/audit/entry.h"

#include <gtest/gtest.h>

#include "platform/json/utf8.h"

namespace insula::audit {
namespace {

Entry sample() {
    return {.id = {1, 2, 3, 0xff},
            .time = 1'700'000'000'123'000'000,
            .tenant = *TenantId::parse("0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b"),
            .actor = "user/ann",
            .action = "tenant:CreateUser",
            .resource = "user/*",
            .changes = {"put user/bob", "put api_key/key_1"},
            .remote_address = "10.0.0.7",
            .request_id = "0123456789abcdef",
            .decision = std::string(kAllowed),
            .policy = "owner",
            .statement = "Everything",
            .reason = "",
            .dropped = 0};
}

TEST(AuditEntry, IsWrittenMemberByMemberInOneOrder) {
    EXPECT_EQ(encode(sample()),
              R"({"v":1,"id":"010203ff000000000000000000000000","time":"2023-11-14T22:13:20.123Z",)"
              R"("tenant":"0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b","actor":"user/ann",)"
              R"("action":"tenant:CreateUser","resource":"user/*",)"
              R"("changes":["put user/bob","put api_key/key_1"],"remote_address":"10.0.0.7",)"
              R"("request_id":"0123456789abcdef","decision":"allowed","policy":"owner",)"
              R"("statement":"Everything"})");
}

TEST(AuditEntry, IsReadBack) {
    EXPECT_EQ(*decode(encode(sample())), sample());
    Entry other = sample();
    other.tenant.reset();
    other.actor.clear();
    other.changes.clear();
    other.reason = "unauthenticated";
    other.dropped = 17;
    EXPECT_EQ(*decode(encode(other)), other);
    EXPECT_EQ(*decode(encode(Entry())), Entry());
}

TEST(AuditEntry, WhatIsNoneIsRefused) {
    for (const char* text :
         {"", "{}", "[]", "nonsense", R"({"v":2})", R"({"v":1,"id":"00"})",
          R"({"v":1,"id":"010203ff000000000000000000000000","time":"yesterday"})"}) {
        EXPECT_FALSE(decode(text)) << text;
    }
    std::string text = encode(sample());
    text.replace(text.find("0190a1b2"), 8, "ZZZZZZZZ");
    EXPECT_FALSE(decode(text));
}

TEST(AuditEntry, TextsOfAnyKindAndLengthFit) {
    Entry entry = sample();
    entry.resource = std::string(5000, '\1');
    entry.actor = "\xff\xfe" + std::string(5000, '\x80');
    entry.reason = std::string(kEntryTextBytesMax - 1, 'x') + "ä";  // cut within the character
    entry.changes.assign(500, std::string(5000, '"'));
    const std::string text = encode(entry);
    EXPECT_LE(text.size(), kEntryBytesMax);
    const auto read = decode(text);
    ASSERT_TRUE(read) << read.error().describe();
    EXPECT_EQ(read->resource.size(), kEntryTextBytesMax);
    EXPECT_TRUE(json::valid_utf8(read->actor));
    EXPECT_LE(read->actor.size(), kEntryTextBytesMax);
    EXPECT_EQ(read->reason, std::string(kEntryTextBytesMax - 1, 'x'));
    ASSERT_EQ(read->changes.size(), kEntryChangesMax + 1);
    EXPECT_EQ(read->changes.back(), "and 492 more");
}

TEST(AuditEntry, KnowsWhoseItIsWhateverItsTextsSay) {
    Entry entry = sample();
    const TenantId own = *entry.tenant;
    const TenantId other = *TenantId::parse("1190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b");
    entry.resource = R"("tenant":")" + other.to_string() + R"(")";
    EXPECT_TRUE(is_of_tenant(encode(entry), own));
    EXPECT_FALSE(is_of_tenant(encode(entry), other));
    entry.tenant.reset();
    EXPECT_FALSE(is_of_tenant(encode(entry), own));
    EXPECT_FALSE(is_of_tenant(encode(entry), other));
}

}  // namespace
}  // namespace insula::audit
