#include "core/tenancy/gate.h"

#include <gtest/gtest.h>

#include "platform/crypto/hash.h"

namespace insula::tenancy {
namespace {

const TenantId kTenant = *TenantId::parse("0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b");
constexpr std::string_view kKey = "insula_the-key";
const Permission kPermission{"tables:Write", "source/a"};

Gate gate(bool development) {
    return Gate({.development = development,
                 .default_tenant = {.id = kTenant, .slug = "default_tenant", .name = "Default"}},
                crypto::hex_encode(crypto::sha256(as_bytes(kKey))));
}

std::string reason(const Result<Admission>& admission) {
    return admission ? std::string("admitted") : std::string(admission.error().reason());
}

TEST(Gate, WithoutACredentialNobodyIsAdmittedButInDevelopment) {
    EXPECT_EQ(reason(gate(false).admit({}, kPermission)), "unauthenticated");
    const auto admission = gate(true).admit({}, kPermission);
    ASSERT_TRUE(admission);
    EXPECT_EQ(admission->principal, "developer");
    EXPECT_EQ(admission->tenant, kTenant);
}

TEST(Gate, AWrongKeyIsRefusedInDevelopmentToo) {
    for (const bool development : {false, true}) {
        for (const std::string_view key : {"", "insula_the-kez", "insula_the-key "}) {
            EXPECT_EQ(reason(gate(development).admit({.key = key, .tenant = {}}, kPermission)),
                      "unauthenticated");
        }
    }
}

TEST(Gate, TheKeyAdministersTheDefaultTenant) {
    const auto admission = gate(false).admit({.key = kKey, .tenant = {}}, kPermission);
    ASSERT_TRUE(admission);
    EXPECT_EQ(admission->principal, "administrator");
    EXPECT_EQ(admission->tenant_slug, "default_tenant");
}

TEST(Gate, TheTenantHeaderChoosesAndNeverGrants) {
    const Gate door = gate(false);
    EXPECT_TRUE(door.admit({.key = kKey, .tenant = "default_tenant"}, kPermission));
    EXPECT_TRUE(
        door.admit({.key = kKey, .tenant = "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b"}, kPermission));
    EXPECT_EQ(reason(door.admit({.key = kKey, .tenant = "somebody_else"}, kPermission)),
              "tenant_not_allowed");
    EXPECT_EQ(reason(door.admit({.key = {}, .tenant = "default_tenant"}, kPermission)),
              "unauthenticated");
}

TEST(Gate, AnIdIsReadInAnyCaseAndOneThatIsNoneIsSaidToBe) {
    const Gate door = gate(false);
    const auto with = [&](std::string_view tenant) {
        return reason(door.admit({.key = kKey, .tenant = tenant}, kPermission));
    };
    EXPECT_EQ(with("0190A1B2-C3D4-4E5F-8A6B-7C8D9E0F1A2B"), "admitted");
    EXPECT_EQ(with("0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2g"), "malformed_tenant_id");
    EXPECT_EQ(with("0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2c"), "tenant_not_allowed");
    EXPECT_EQ(with("0190a1b2-c3d4"), "tenant_not_allowed");
    EXPECT_EQ(with(""), "tenant_not_allowed");
}

TEST(Gate, AnOperationWithoutAnActionIsAlwaysRefused) {
    EXPECT_EQ(reason(gate(true).admit({}, {})), "internal");
}

}  // namespace
}  // namespace insula::tenancy
