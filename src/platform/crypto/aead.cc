#include "platform/crypto/aead.h"

#include <openssl/evp.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "base/check.h"

namespace insula::crypto {
namespace {

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

enum class Direction : int { keep = -1, open = 0, seal = 1 };

const unsigned char* input(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* output(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// Looked up once: a lookup takes a lock and longer than a short message.
const EVP_CIPHER* cipher() {
    static const EVP_CIPHER* const found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    INSULA_CHECK(found != nullptr, "OpenSSL must offer AES-256-GCM");
    return found;
}

Context make_context(const SecretKey& key) {
    Context context(EVP_CIPHER_CTX_new());
    INSULA_CHECK(context != nullptr, "OpenSSL has no memory for a cipher");
    INSULA_CHECK(EVP_CipherInit_ex(context.get(), cipher(), nullptr, input(key.bytes()), nullptr,
                                   static_cast<int>(Direction::seal)) == 1,
                 "OpenSSL must take a key of 32 bytes");
    return context;
}

// Everything but the tag; what can fail here is only a wrong call.
void run(EVP_CIPHER_CTX* context, Direction direction, const SealedAs& as,
         std::pair<Bytes, MutableBytes> message) {
    const auto [from, to] = message;
    INSULA_CHECK(from.size() == to.size() && from.size() <= Aead::kMessageBytesMax &&
                     as.associated.size() <= Aead::kMessageBytesMax,
                 "a message has room for its result and is not too long");
    int count = 0;
    bool done = EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, input(as.nonce),
                                  static_cast<int>(direction)) == 1;
    if (done && !as.associated.empty()) {
        done = EVP_CipherUpdate(context, nullptr, &count, input(as.associated),
                                static_cast<int>(as.associated.size())) == 1;
    }
    if (done && !from.empty()) {
        done = EVP_CipherUpdate(context, output(to), &count, input(from),
                                static_cast<int>(from.size())) == 1;
    }
    INSULA_CHECK(done, "OpenSSL must run AES-256-GCM");
}

}  // namespace

struct Aead::State {
    explicit State(SecretKey of_key) : key(std::move(of_key)) {}

    Context take() {
        {
            const std::lock_guard lock(mutex);
            if (!idle.empty()) {
                Context context = std::move(idle.back());
                idle.pop_back();
                return context;
            }
        }
        return make_context(key);
    }
    void give_back(Context context) {
        const std::lock_guard lock(mutex);
        if (idle.size() < kIdleMax) idle.push_back(std::move(context));
    }

    static constexpr size_t kIdleMax = 64;  // contexts, of about 2 KiB
    const SecretKey key;
    std::mutex mutex;
    std::vector<Context> idle;
};

Aead::Aead(SecretKey key) : state_(std::make_unique<State>(std::move(key))) {}
Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

Tag Aead::seal(const SealedAs& as, Bytes plain, MutableBytes sealed) const {
    Context context = state_->take();
    run(context.get(), Direction::seal, as, {plain, sealed});
    std::array<unsigned char, kTagBytes> rest;  // GCM has none: nothing is written
    int count = 0;
    Tag tag;
    const bool done =
        EVP_CipherFinal_ex(context.get(), rest.data(), &count) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1;
    INSULA_CHECK(done, "OpenSSL must give the tag of a message");
    state_->give_back(std::move(context));
    return tag;
}

Status Aead::open(const SealedAs& as, const Tag& tag, Bytes sealed, MutableBytes plain) const {
    Context context = state_->take();
    run(context.get(), Direction::open, as, {sealed, plain});
    Tag expected = tag;  // OpenSSL takes it as writable
    INSULA_CHECK(
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, expected.data()) == 1,
        "OpenSSL must take a tag of 16 bytes");
    std::array<unsigned char, kTagBytes> rest;
    int count = 0;
    const bool right = EVP_CipherFinal_ex(context.get(), rest.data(), &count) == 1;
    state_->give_back(std::move(context));
    if (right) return {};
    std::ranges::fill(plain, std::byte{0});
    return fail(data_loss("sealed bytes fail their authentication tag"));
}

}  // namespace insula::crypto
