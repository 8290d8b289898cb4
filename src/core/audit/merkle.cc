#include "core/audit/merkle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "base/check.h"

namespace insula::audit {

namespace {

constexpr char kLeafPrefix = 0;
constexpr std::byte kNodePrefix{1};

// The largest power of two below `size`, which is at least 2.
uint64_t split(uint64_t size) { return std::bit_floor(size - 1); }

// The steps that both verifications take up the tree from a leaf: see the RFC's text.
struct Climb {
    uint64_t node;
    uint64_t last;
    bool at_right_edge() const { return (node & 1) != 0 || node == last; }
    void to_sibling_on_the_left() {
        while ((node & 1) == 0 && node != 0) {
            node >>= 1;
            last >>= 1;
        }
    }
    void up() {
        node >>= 1;
        last >>= 1;
    }
};

}  // namespace

Hash leaf_hash(Bytes entry) {
    std::string text;
    text.reserve(entry.size() + 1);
    text.push_back(kLeafPrefix);
    text.append(as_text(entry));
    return crypto::sha256(as_bytes(text));
}

Hash node_hash(const Hash& left, const Hash& right) {
    std::array<std::byte, 1 + 2 * sizeof(Hash)> text;
    text[0] = kNodePrefix;
    std::ranges::copy(left, text.begin() + 1);
    std::ranges::copy(right, text.begin() + 1 + sizeof(Hash));
    return crypto::sha256(text);
}

Hash tree_hash(std::span<const Hash> leaves) {
    Frontier frontier;
    for (const Hash& leaf : leaves) frontier.append(leaf);
    return frontier.root();
}

void Frontier::append(const Hash& hash, uint64_t leaves) {
    INSULA_CHECK(std::has_single_bit(leaves) && size_ % leaves == 0,
                 "a subtree stands where one of its size can stand");
    Subtree added{.hash = hash, .leaves = leaves};
    size_ += leaves;
    while (!subtrees_.empty() && subtrees_.back().leaves == added.leaves) {
        added = {.hash = node_hash(subtrees_.back().hash, added.hash), .leaves = 2 * added.leaves};
        subtrees_.pop_back();
    }
    subtrees_.push_back(added);
}

Hash Frontier::root() const {
    if (subtrees_.empty()) return crypto::sha256({});
    Hash root = subtrees_.back().hash;
    for (size_t i = subtrees_.size() - 1; i-- > 0;) root = node_hash(subtrees_[i].hash, root);
    return root;
}

Result<Proof> inclusion_proof(uint64_t index, uint64_t size, const RangeHash& range_hash) {
    INSULA_CHECK(index < size, "a leaf of the tree");
    Proof proof;  // from the root down
    uint64_t begin = 0;
    uint64_t end = size;
    while (end - begin > 1) {
        const uint64_t middle = begin + split(end - begin);
        const bool left = index < middle;
        ASSIGN_OR_RETURN(const Hash sibling,
                         left ? range_hash(middle, end) : range_hash(begin, middle));
        proof.push_back(sibling);
        (left ? end : begin) = middle;
    }
    std::ranges::reverse(proof);
    return proof;
}

Result<Proof> consistency_proof(uint64_t first, uint64_t second, const RangeHash& range_hash) {
    INSULA_CHECK(first > 0 && first <= second, "a tree that the other begins with");
    Proof proof;  // from the root down
    uint64_t begin = 0;
    uint64_t end = second;
    while (end != first) {
        const uint64_t middle = begin + split(end - begin);
        const bool left = first <= middle;
        ASSIGN_OR_RETURN(const Hash sibling,
                         left ? range_hash(middle, end) : range_hash(begin, middle));
        proof.push_back(sibling);
        (left ? end : begin) = middle;
    }
    // Whoever verifies has the hash of the first tree, and not that of a part of it.
    if (begin != 0) {
        ASSIGN_OR_RETURN(const Hash part, range_hash(begin, end));
        proof.push_back(part);
    }
    std::ranges::reverse(proof);
    return proof;
}

bool verify_inclusion(const Leaf& leaf, const Tree& tree, std::span<const Hash> proof) {
    if (leaf.index >= tree.size) return false;
    Climb climb{.node = leaf.index, .last = tree.size - 1};
    Hash hash = leaf.hash;
    for (const Hash& sibling : proof) {
        if (climb.last == 0) return false;
        if (climb.at_right_edge()) {
            hash = node_hash(sibling, hash);
            climb.to_sibling_on_the_left();
        } else {
            hash = node_hash(hash, sibling);
        }
        climb.up();
    }
    return climb.last == 0 && hash == tree.root;
}

bool verify_consistency(const Tree& first, const Tree& second, std::span<const Hash> proof) {
    if (first.size == 0 || first.size > second.size) return false;
    if (first.size == second.size) return proof.empty() && first.root == second.root;
    if (proof.empty()) return false;
    Climb climb{.node = first.size - 1, .last = second.size - 1};
    while ((climb.node & 1) != 0) climb.up();
    // A first tree that is complete is a subtree of the second: its own hash is not in the proof.
    const bool complete = std::has_single_bit(first.size);
    Hash of_first = complete ? first.root : proof.front();
    Hash of_second = of_first;
    for (const Hash& sibling : proof.subspan(complete ? 0 : 1)) {
        if (climb.last == 0) return false;
        if (climb.at_right_edge()) {
            of_first = node_hash(sibling, of_first);
            of_second = node_hash(sibling, of_second);
            climb.to_sibling_on_the_left();
        } else {
            of_second = node_hash(of_second, sibling);
        }
        climb.up();
    }
    return climb.last == 0 && of_first == first.root && of_second == second.root;
}

}  // namespace insula::audit
