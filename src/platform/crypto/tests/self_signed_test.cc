#include "platform/crypto/self_signed.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

namespace insula::crypto {
namespace {

struct Parsed {
    explicit Parsed(const SelfSigned& made) {
        BIO* text = BIO_new_mem_buf(made.certificate.data(), -1);
        certificate.reset(PEM_read_bio_X509(text, nullptr, nullptr, nullptr));
        BIO_free(text);
        text = BIO_new_mem_buf(made.private_key.data(), -1);
        key.reset(PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr));
        BIO_free(text);
    }
    bool for_name(const char* name) const {
        return X509_check_host(certificate.get(), name, 0, 0, nullptr) == 1;
    }
    bool for_address(const char* address) const {
        return X509_check_ip_asc(certificate.get(), address, 0) == 1;
    }
    bool holds_after(long days, long seconds) const {
        time_t then = time(nullptr) + days * 86'400 + seconds;
        return X509_cmp_time(X509_get0_notAfter(certificate.get()), &then) > 0;
    }
    std::unique_ptr<X509, void (*)(X509*)> certificate{nullptr, X509_free};
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{nullptr, EVP_PKEY_free};
};

TEST(SelfSigned, IsForItsNamesAndAddressesAndNoOthers) {
    const auto made = make_self_signed(
        {.hosts = {"data.example.org", "*.eu.example.org", "192.0.2.7", "2001:db8::7"}, .days = 1});
    ASSERT_TRUE(made) << made.error().describe();
    const Parsed parsed(*made);
    ASSERT_NE(parsed.certificate, nullptr);
    EXPECT_TRUE(parsed.for_name("data.example.org"));
    EXPECT_TRUE(parsed.for_name("a.eu.example.org"));
    EXPECT_TRUE(parsed.for_address("192.0.2.7"));
    EXPECT_TRUE(parsed.for_address("2001:db8:0::7"));
    EXPECT_FALSE(parsed.for_name("example.org"));
    EXPECT_FALSE(parsed.for_name("a.b.eu.example.org"));
    EXPECT_FALSE(parsed.for_name("192.0.2.7"));
    EXPECT_FALSE(parsed.for_address("192.0.2.8"));
}

TEST(SelfSigned, VouchesForItselfWithItsKeyForItsDays) {
    const auto made = make_self_signed({.hosts = {"localhost"}, .days = 30});
    ASSERT_TRUE(made);
    const Parsed parsed(*made);
    ASSERT_NE(parsed.key, nullptr);
    EXPECT_EQ(X509_verify(parsed.certificate.get(), parsed.key.get()), 1);
    EXPECT_EQ(X509_check_private_key(parsed.certificate.get(), parsed.key.get()), 1);
    EXPECT_EQ(X509_check_ca(parsed.certificate.get()), 0) << "it may sign no other";
    EXPECT_TRUE(parsed.holds_after(29, 0));
    EXPECT_FALSE(parsed.holds_after(30, 60));
    const time_t now = time(nullptr);
    time_t compared = now;
    EXPECT_LT(X509_cmp_time(X509_get0_notBefore(parsed.certificate.get()), &compared), 0);
}

TEST(SelfSigned, TwoAreNotTheSame) {
    const auto one = make_self_signed({.hosts = {"localhost"}});
    const auto other = make_self_signed({.hosts = {"localhost"}});
    ASSERT_TRUE(one && other);
    EXPECT_NE(one->private_key, other->private_key);
    EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(Parsed(*one).certificate.get()),
                               X509_get0_serialNumber(Parsed(*other).certificate.get())),
              0);
}

TEST(SelfSigned, RefusesWhatIsNoHost) {
    for (const std::string host :
         {"", " ", "a b", "http://a", "a:443", "-a", "a-", "a..b", ".", "*", "*.org", "a.*.b",
          "10.0.0", "10.0.0.300", "[::1]", "::g", "a,DNS:b", "a\nb", "ümlaut"}) {
        const auto made = make_self_signed({.hosts = {host}});
        ASSERT_FALSE(made) << host;
        EXPECT_EQ(made.error().reason(), "invalid_certificate");
    }
    EXPECT_FALSE(make_self_signed({.hosts = {std::string("a\0b", 3)}}));
    EXPECT_FALSE(make_self_signed({.hosts = {std::string(64, 'a')}})) << "a label has 63 bytes";
    EXPECT_FALSE(make_self_signed({.hosts = {}}));
    EXPECT_FALSE(make_self_signed({.hosts = std::vector<std::string>(101, "a")}));
    for (const int days : {0, -1, 3'651}) {
        EXPECT_FALSE(make_self_signed({.hosts = {"a"}, .days = days})) << days;
    }
}

TEST(SelfSigned, LongNamesAreItsAlternativeNamesAlone) {
    const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.org";
    const auto made = make_self_signed({.hosts = {name}});
    ASSERT_TRUE(made) << made.error().describe();
    EXPECT_TRUE(Parsed(*made).for_name(name.c_str()));
}

}  // namespace
}  // namespace insula::crypto
