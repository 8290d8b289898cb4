// SecretKey: 256 secret bits. They lie in memory that is kept out of swap and core dumps as far as
// the operating system allows (mlock, MADV_DONTDUMP), never in the object itself, so that a
// debugger's or a test's print of the object shows an address. Overwritten with zeros when the key
// ends.
//
// Moves; is copied only by duplicate(), so that every copy is meant. A key that was moved from may
// only be destroyed or assigned to. Threads: as any value; the memory behind all keys is shared and
// thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/runtime/random.h"

namespace insula::crypto {

inline constexpr size_t kSecretKeyBytes = 32;

class SecretKey {
  public:
    // `random` must be fit for keys (SystemRandom) anywhere but in tests.
    static SecretKey random(Random& random);
    // invalid_argument `invalid_key` if there are not 32 bytes. The caller wipes its own copy.
    static Result<SecretKey> from_bytes(Bytes bytes);
    // What people keep in files and environments: 64 hexadecimal digits, or base64 of either
    // alphabet with or without padding. invalid_argument `invalid_key`; the text is not repeated.
    static Result<SecretKey> parse(std::string_view text);

    SecretKey(SecretKey&& other) noexcept;
    SecretKey& operator=(SecretKey&& other) noexcept;
    SecretKey(const SecretKey&) = delete;
    SecretKey& operator=(const SecretKey&) = delete;
    ~SecretKey();

    SecretKey duplicate() const;
    Bytes bytes() const;
    // To fill in a new key in place.
    static SecretKey zero();
    MutableBytes mutable_bytes();

  private:
    explicit SecretKey(std::byte* memory) : memory_(memory) {}

    std::byte* memory_;
};

// Overwrites with zeros, also where the compiler could tell that nobody reads them.
void wipe(MutableBytes bytes);

}  // namespace insula::crypto
