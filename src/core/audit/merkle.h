// The Merkle tree of RFC 6962 section 2.1 over SHA-256: one hash stands for a whole list of
// entries, and short proofs show that an entry is in it, or that a longer list begins with a
// shorter one. Pure functions and values, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/crypto/hash.h"

namespace insula::audit {

using Hash = crypto::Sha256Digest;

// Of an entry: SHA-256(0x00 || entry).
Hash leaf_hash(Bytes entry);
// Of two subtrees: SHA-256(0x01 || left || right).
Hash node_hash(const Hash& left, const Hash& right);
// Of the tree over these leaves; of none SHA-256 of nothing.
Hash tree_hash(std::span<const Hash> leaves);

// The tree over a list that grows, without the list: the hashes of the complete subtrees that it
// consists of, at most 64.
class Frontier {
  public:
    // A complete subtree of `leaves` leaves, a power of two that size() is a multiple of.
    void append(const Hash& hash, uint64_t leaves = 1);
    uint64_t size() const { return size_; }
    Hash root() const;

  private:
    struct Subtree {
        Hash hash;
        uint64_t leaves;
    };
    std::vector<Subtree> subtrees_;  // each larger than the next
    uint64_t size_ = 0;
};

// The hash of the tree over the leaves from `begin` up to `end`, for the subtrees that a proof
// consists of: `begin` is a multiple of a power of two that is at least `end - begin`.
using RangeHash = std::function<Result<Hash>(uint64_t begin, uint64_t end)>;
using Proof = std::vector<Hash>;

// PATH(index, D[size]): that the leaf `index` is in the tree over the first `size`; index < size.
Result<Proof> inclusion_proof(uint64_t index, uint64_t size, const RangeHash& range_hash);
// PROOF(first, D[second]): that the tree over `second` leaves begins with the one over `first`;
// 0 < first <= second.
Result<Proof> consistency_proof(uint64_t first, uint64_t second, const RangeHash& range_hash);

// RFC 9162 sections 2.1.3.2 and 2.1.4.2.
struct Leaf {
    Hash hash;
    uint64_t index = 0;
};
struct Tree {
    Hash root;
    uint64_t size = 0;
};
bool verify_inclusion(const Leaf& leaf, const Tree& tree, std::span<const Hash> proof);
bool verify_consistency(const Tree& first, const Tree& second, std::span<const Hash> proof);

}  // namespace insula::audit
