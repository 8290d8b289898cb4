#include "platform/net/tls_files.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/units.h"

namespace insula::net {

namespace {

constexpr uint64_t kFileBytesMax = kMiB;
constexpr size_t kCertificatesMax = 1'000;  // of one file

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free_all>>;

struct Content {
    std::string text;
    mode_t mode = 0;
};

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

Result<Content> read_file(const std::string& file) {
    const auto failed = [&](int error_number) {
        return fail(tls_file_error(
            file, "cannot be read: " + std::generic_category().message(error_number)));
    };
    // Not blocking: a pipe in its place would hold the start up.
    const Descriptor opened{::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (opened.number < 0) return failed(errno);
    struct stat info{};
    if (::fstat(opened.number, &info) != 0) return failed(errno);
    if (!S_ISREG(info.st_mode)) return fail(tls_file_error(file, "is not a file"));
    Content content{.text = std::string(kFileBytesMax + 1, '\0'), .mode = info.st_mode};
    size_t size = 0;
    while (size < content.text.size()) {
        const ssize_t got =
            ::read(opened.number, content.text.data() + size, content.text.size() - size);
        if (got == 0) break;
        if (got > 0) {
            size += static_cast<size_t>(got);
        } else if (errno != EINTR) {
            return failed(errno);
        }
    }
    if (size > kFileBytesMax) return fail(tls_file_error(file, "is larger than 1 MiB"));
    content.text.resize(size);
    return content;
}

BioPtr memory(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Asking for a password would hold the start up.
int no_password(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

}  // namespace

std::string take_openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return {};
    const char* reason = ERR_reason_error_string(code);
    return reason == nullptr ? std::string("error ") + std::to_string(code) : reason;
}

Error tls_file_error(const std::string& file, std::string_view why) {
    const std::string said = take_openssl_error();
    Error error =
        invalid_argument("invalid_configuration", "TLS: " + file + " " + std::string(why) + ".");
    return said.empty() ? error : error.with_detail(said);
}

Result<std::vector<X509Ptr>> read_certificates(const std::string& file) {
    ERR_clear_error();
    ASSIGN_OR_RETURN(const Content content, read_file(file));
    const BioPtr source = memory(content.text);
    std::vector<X509Ptr> certificates;
    while (X509Ptr next{PEM_read_bio_X509_AUX(source.get(), nullptr, nullptr, nullptr)}) {
        if (certificates.size() == kCertificatesMax) {
            return fail(tls_file_error(file, "holds more than 1000 certificates"));
        }
        certificates.push_back(std::move(next));
    }
    const unsigned long last = ERR_peek_last_error();
    const bool at_end =
        ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (at_end) ERR_clear_error();
    if (certificates.empty()) return fail(tls_file_error(file, "holds no certificate in PEM"));
    if (!at_end) return fail(tls_file_error(file, "holds a damaged certificate"));
    return certificates;
}

Result<PrivateKeyFile> read_private_key(const std::string& file) {
    ERR_clear_error();
    ASSIGN_OR_RETURN(Content content, read_file(file));
    const BioPtr source = memory(content.text);
    bool has_password = false;
    PrivateKeyFile read{
        .key = KeyPtr(PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, &has_password)),
        .exposed = (content.mode & (S_IRWXG | S_IRWXO)) != 0};
    OPENSSL_cleanse(content.text.data(), content.text.size());
    if (has_password) {
        return fail(tls_file_error(file, "is locked with a password; give the key without one"));
    }
    if (read.key == nullptr) return fail(tls_file_error(file, "holds no private key in PEM"));
    return read;
}

Result<Identity> use_identity(SSL_CTX* context, const std::string& cert_file,
                              const std::string& key_file) {
    ASSIGN_OR_RETURN(std::vector<X509Ptr> chain, read_certificates(cert_file));
    ASSIGN_OR_RETURN(const PrivateKeyFile key, read_private_key(key_file));
    if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
        return fail(tls_file_error(cert_file, "holds a certificate that cannot be used"));
    }
    if (X509_check_private_key(chain.front().get(), key.key.get()) != 1) {
        return fail(
            tls_file_error(key_file, "is not the key of the first certificate in " + cert_file));
    }
    if (SSL_CTX_use_PrivateKey(context, key.key.get()) != 1) {
        return fail(tls_file_error(key_file, "holds a key that cannot be used"));
    }
    for (size_t i = 1; i < chain.size(); ++i) {
        if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
            return fail(tls_file_error(cert_file, "holds a certificate that cannot be used"));
        }
    }
    return Identity{.certificate = std::move(chain.front()), .key_exposed = key.exposed};
}

Status trust(SSL_CTX* context, const std::string& file) {
    ASSIGN_OR_RETURN(const auto authorities, read_certificates(file));
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    for (const X509Ptr& authority : authorities) {
        if (X509_STORE_add_cert(store, authority.get()) == 1) continue;
        return fail(tls_file_error(file, "holds a certificate that cannot be used"));
    }
    return {};
}

std::string subject_text(const X509* certificate) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    const unsigned long form = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, form);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

}  // namespace insula::net
