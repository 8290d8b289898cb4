#include "platform/crypto/secret_key.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/units.h"
#include "platform/crypto/base64url.h"
#include "platform/crypto/hash.h"

namespace insula::crypto {
namespace {

// 2,048 keys. What may be locked is bounded for a process (RLIMIT_MEMLOCK, 8 MiB on Debian 12).
constexpr size_t kSlabBytes = 64 * kKiB;

// Where keys lie: an allocator, and like any allocator one for the process. Slabs are never given
// back, so that keys of any lifetime may use them.
class KeyMemory {
  public:
    std::byte* take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) grow();
        std::byte* memory = free_.back();
        free_.pop_back();
        return memory;
    }

    void give_back(std::byte* memory) {
        OPENSSL_cleanse(memory, kSecretKeyBytes);
        const std::lock_guard lock(mutex_);
        free_.push_back(memory);
    }

  private:
    void grow() {
        slots_ += kSlabBytes / kSecretKeyBytes;
        free_.reserve(slots_);  // giving back allocates nothing
        void* slab =
            ::mmap(nullptr, kSlabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (slab == MAP_FAILED) throw std::bad_alloc();
        // Both are a second line of defence, which a container may forbid: keys are as right
        // without.
        static_cast<void>(::mlock(slab, kSlabBytes));
        static_cast<void>(::madvise(slab, kSlabBytes, MADV_DONTDUMP));
        auto* at = static_cast<std::byte*>(slab);
        for (size_t i = 0; i < kSlabBytes; i += kSecretKeyBytes) free_.push_back(at + i);
    }

    std::mutex mutex_;
    size_t slots_ = 0;
    std::vector<std::byte*> free_;
};

KeyMemory& key_memory() {
    // Never destroyed: static objects elsewhere may hold keys.
    static auto* const memory = new KeyMemory();
    return *memory;
}

Error invalid_key() {
    return invalid_argument("invalid_key",
                            "A key is 32 bytes, as 64 hexadecimal digits or in base64.");
}

}  // namespace

void wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

SecretKey SecretKey::zero() {
    SecretKey key(key_memory().take());
    std::ranges::fill(key.mutable_bytes(), std::byte{0});
    return key;
}

SecretKey SecretKey::random(Random& random) {
    SecretKey key = zero();
    random.fill({reinterpret_cast<uint8_t*>(key.memory_), kSecretKeyBytes});
    return key;
}

Result<SecretKey> SecretKey::from_bytes(Bytes bytes) {
    if (bytes.size() != kSecretKeyBytes) return fail(invalid_key());
    SecretKey key = zero();
    std::ranges::copy(bytes, key.memory_);
    return key;
}

Result<SecretKey> SecretKey::parse(std::string_view text) {
    constexpr size_t kBase64Characters = 43;
    Result<std::vector<std::byte>> decoded = fail(invalid_key());
    if (text.size() == 2 * kSecretKeyBytes) {
        decoded = hex_decode(text);
    } else if (text.size() == kBase64Characters ||
               (text.size() == kBase64Characters + 1 && text.back() == '=')) {
        std::array<char, kBase64Characters> url;
        std::ranges::transform(text.substr(0, kBase64Characters), url.begin(), [](char c) {
            return c == '+' ? '-' : c == '/' ? '_' : c;
        });
        decoded = base64url_decode({url.data(), url.size()});
        wipe(std::as_writable_bytes(std::span(url)));
    }
    if (!decoded) return fail(invalid_key());
    auto key = from_bytes(*decoded);
    wipe(*decoded);
    return key;
}

SecretKey::SecretKey(SecretKey&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)) {}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
    if (this == &other) return *this;
    if (memory_ != nullptr) key_memory().give_back(memory_);
    memory_ = std::exchange(other.memory_, nullptr);
    return *this;
}

SecretKey::~SecretKey() {
    if (memory_ != nullptr) key_memory().give_back(memory_);
}

SecretKey SecretKey::duplicate() const {
    SecretKey copy = zero();
    std::ranges::copy(bytes(), copy.memory_);
    return copy;
}

Bytes SecretKey::bytes() const {
    INSULA_CHECK(memory_ != nullptr, "a key that was moved from is not used");
    return {memory_, kSecretKeyBytes};
}

MutableBytes SecretKey::mutable_bytes() {
    INSULA_CHECK(memory_ != nullptr, "a key that was moved from is not used");
    return {memory_, kSecretKeyBytes};
}

}  // namespace insula::crypto
