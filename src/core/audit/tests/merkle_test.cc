#include "core/audit/merkle.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/tests/seeds.h"

namespace insula::audit {
namespace {

std::string hex(const Hash& hash) { return crypto::hex_encode(hash); }

// MTH of RFC 6962 section 2.1, word by word.
Hash reference_hash(std::span<const std::string> entries) {
    if (entries.empty()) return crypto::sha256({});
    if (entries.size() == 1) {
        return crypto::sha256(as_bytes(std::string(1, '\0') + entries.front()));
    }
    size_t k = 1;
    while (k * 2 < entries.size()) k *= 2;
    std::string text(1, '\1');
    text.append(as_text(reference_hash(entries.first(k))));
    text.append(as_text(reference_hash(entries.subspan(k))));
    return crypto::sha256(as_bytes(text));
}

// PATH of section 2.1.1.
Proof reference_path(size_t m, std::span<const std::string> entries) {
    if (entries.size() <= 1) return {};
    size_t k = 1;
    while (k * 2 < entries.size()) k *= 2;
    const bool left = m < k;
    Proof path =
        left ? reference_path(m, entries.first(k)) : reference_path(m - k, entries.subspan(k));
    path.push_back(reference_hash(left ? entries.subspan(k) : entries.first(k)));
    return path;
}

// SUBPROOF of section 2.1.2.
Proof reference_subproof(size_t m, std::span<const std::string> entries, bool whole) {
    if (m == entries.size()) return whole ? Proof() : Proof{reference_hash(entries)};
    size_t k = 1;
    while (k * 2 < entries.size()) k *= 2;
    const bool left = m <= k;
    Proof proof = left ? reference_subproof(m, entries.first(k), whole)
                       : reference_subproof(m - k, entries.subspan(k), false);
    proof.push_back(reference_hash(left ? entries.subspan(k) : entries.first(k)));
    return proof;
}

RangeHash ranges_of(const std::vector<std::string>& entries) {
    return [&entries](uint64_t begin, uint64_t end) -> Result<Hash> {
        return reference_hash(std::span(entries).subspan(begin, end - begin));
    };
}

// The tree of the test vectors of the certificate transparency project.
const std::vector<std::string> kVector{
    "",
    std::string("\x00", 1),
    "\x10",
    "\x20\x21",
    "\x30\x31",
    "\x40\x41\x42\x43",
    "\x50\x51\x52\x53\x54\x55\x56\x57",
    "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
};
const std::vector<std::string> kVectorRoots{
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

TEST(Merkle, RootsAreThoseOfTheTestVectors) {
    Frontier frontier;
    EXPECT_EQ(hex(frontier.root()), kVectorRoots[0]);
    for (size_t i = 0; i < kVector.size(); ++i) {
        frontier.append(leaf_hash(as_bytes(kVector[i])));
        EXPECT_EQ(hex(frontier.root()), kVectorRoots[i + 1]) << i + 1;
    }
}

TEST(Merkle, ProofsAreThoseOfTheTestVectors) {
    const auto path = inclusion_proof(5, 8, ranges_of(kVector));
    ASSERT_TRUE(path);
    ASSERT_EQ(path->size(), 3u);
    EXPECT_EQ(hex((*path)[0]), "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b");
    EXPECT_EQ(hex((*path)[1]), "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
    EXPECT_EQ(hex((*path)[2]), kVectorRoots[4]);
    const auto growth = consistency_proof(6, 8, ranges_of(kVector));
    ASSERT_TRUE(growth);
    ASSERT_EQ(growth->size(), 3u);
    EXPECT_EQ(hex((*growth)[0]),
              "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
    EXPECT_EQ(hex((*growth)[1]),
              "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
    EXPECT_EQ(hex((*growth)[2]), kVectorRoots[4]);
}

std::vector<std::string> random_entries(std::mt19937_64& random, size_t count) {
    std::vector<std::string> entries(count);
    for (std::string& entry : entries) {
        entry.resize(random() % 20);
        for (char& c : entry) c = static_cast<char>(random());
    }
    return entries;
}

TEST(Merkle, RootsAndProofsAreThoseOfAReferenceOverRandomTrees) {
    const SeedRange seeds = test_seeds(20, 5);
    for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        const auto entries = random_entries(random, 1 + random() % 70);
        const size_t n = entries.size();
        const Tree tree{.root = reference_hash(entries), .size = n};
        std::vector<Hash> leaves;
        for (const std::string& entry : entries) leaves.push_back(leaf_hash(as_bytes(entry)));
        ASSERT_EQ(tree_hash(leaves), tree.root);
        for (size_t i = 0; i < n; ++i) {
            const auto proof = inclusion_proof(i, n, ranges_of(entries));
            ASSERT_EQ(*proof, reference_path(i, entries));
            ASSERT_TRUE(verify_inclusion({leaves[i], i}, tree, *proof)) << i;
            const size_t other = random() % n;
            if (other == i) continue;
            ASSERT_FALSE(verify_inclusion({leaves[i], other}, tree, *proof)) << i << " " << other;
        }
        for (size_t m = 1; m <= n; ++m) {
            const auto proof = consistency_proof(m, n, ranges_of(entries));
            ASSERT_EQ(*proof, reference_subproof(m, entries, true));
            const Tree first{.root = reference_hash(std::span(entries).first(m)), .size = m};
            ASSERT_TRUE(verify_consistency(first, tree, *proof)) << m;
        }
    }
}

TEST(Merkle, AProofOfAnythingElseIsRefused) {
    std::mt19937_64 random(7);
    const auto entries = random_entries(random, 21);
    const Tree tree{.root = reference_hash(entries), .size = entries.size()};
    const Leaf leaf{.hash = leaf_hash(as_bytes(entries[9])), .index = 9};
    const Proof path = *inclusion_proof(9, entries.size(), ranges_of(entries));
    const Tree first{.root = reference_hash(std::span(entries).first(13)), .size = 13};
    const Proof growth = *consistency_proof(13, entries.size(), ranges_of(entries));
    const auto changed = [](Proof proof, size_t at) {
        proof[at][3] ^= std::byte{1};
        return proof;
    };
    for (size_t i = 0; i < path.size(); ++i) {
        EXPECT_FALSE(verify_inclusion(leaf, tree, changed(path, i))) << i;
    }
    for (size_t i = 0; i < growth.size(); ++i) {
        EXPECT_FALSE(verify_consistency(first, tree, changed(growth, i))) << i;
    }
    const auto shorter = std::span(path).first(path.size() - 1);
    EXPECT_FALSE(verify_inclusion(leaf, tree, shorter));
    EXPECT_FALSE(verify_consistency(first, tree, std::span(growth).first(growth.size() - 1)));
    Proof longer = path;
    longer.push_back(path.front());
    EXPECT_FALSE(verify_inclusion(leaf, tree, longer));
    EXPECT_FALSE(verify_inclusion({leaf.hash, entries.size()}, tree, path));
    EXPECT_FALSE(verify_consistency({first.root, 0}, tree, growth));
    EXPECT_FALSE(verify_consistency(tree, first, growth));
}

TEST(Merkle, AFrontierTakesWholeSubtrees) {
    std::mt19937_64 random(3);
    const auto entries = random_entries(random, 27);
    Frontier frontier;
    frontier.append(reference_hash(std::span(entries).first(16)), 16);
    frontier.append(reference_hash(std::span(entries).subspan(16, 8)), 8);
    for (size_t i = 24; i < entries.size(); ++i) frontier.append(leaf_hash(as_bytes(entries[i])));
    EXPECT_EQ(frontier.root(), reference_hash(entries));
    EXPECT_EQ(frontier.size(), 27u);
}

}  // namespace
}  // namespace insula::audit
