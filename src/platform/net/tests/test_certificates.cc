#include "platform/net/tests/test_certificates.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>

namespace insula::net::testing {

namespace {

void add_extension(X509* certificate, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, nullptr, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

template <class Write>
void write_file(const std::string& path, Write write) {
    // Replaced in one step, as a careful operator does.
    const std::string fresh = path + ".fresh";
    std::FILE* file = std::fopen(fresh.c_str(), "wb");
    ASSERT_NE(file, nullptr) << fresh;
    EXPECT_EQ(write(file), 1);
    std::fclose(file);
    std::filesystem::permissions(fresh, std::filesystem::perms::owner_read);
    std::filesystem::rename(fresh, path);
}

}  // namespace

TestAuthority::TestAuthority() : key_(EVP_EC_gen("P-256")) {
    std::string name = ::testing::TempDir() + "insula-certificates-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    file_ = directory_ + "/authority.pem";
    certificate_ = sign({.subject = "authority"}, key_.get(), true);
    write_file(file_, [&](std::FILE* out) { return PEM_write_X509(out, certificate_.get()); });
}

TestAuthority::~TestAuthority() { std::filesystem::remove_all(directory_); }

X509Ptr TestAuthority::sign(const Wanted& wanted, EVP_PKEY* key, bool authority) {
    X509Ptr made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial_++);
    X509_time_adj_ex(X509_getm_notBefore(made.get()), -30, 0, nullptr);
    X509_time_adj_ex(X509_getm_notAfter(made.get()), wanted.days, 0, nullptr);
    X509_NAME* subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("Acme"), -1, -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wanted.subject.c_str()), -1,
                               -1, 0);
    X509_set_pubkey(made.get(), key);
    if (authority) {
        X509_set_issuer_name(made.get(), subject);
        add_extension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
        add_extension(made.get(), NID_key_usage, "critical,keyCertSign");
    } else {
        X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
        add_extension(made.get(), NID_subject_alt_name, wanted.host);
    }
    EXPECT_GT(X509_sign(made.get(), key_.get(), EVP_sha256()), 0);
    return made;
}

CertificateFiles TestAuthority::issue(const Wanted& wanted) {
    CertificateFiles files{.certificate = directory_ + "/" + wanted.subject + ".pem",
                           .key = directory_ + "/" + wanted.subject + ".key"};
    issue_to(wanted, files);
    return files;
}

void TestAuthority::issue_to(const Wanted& wanted, const CertificateFiles& files) {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const X509Ptr made = sign(wanted, key.get(), false);
    write_file(files.key, [&](std::FILE* out) {
        return PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    write_file(files.certificate, [&](std::FILE* out) { return PEM_write_X509(out, made.get()); });
}

}  // namespace insula::net::testing
