#include "core/audit/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "platform/crypto/base64url.h"

namespace insula::audit {

namespace {

constexpr std::string_view kNamePrefix = "insula-audit/";
constexpr size_t kNameHashBytes = 8;
constexpr std::string_view kSignatureMark = "\xe2\x80\x94 ";  // an em dash and a blank
constexpr char kEd25519 = 1;                                  // signed-note's number of it
constexpr size_t kKeyHashBytes = 4;

using KeyHash = std::array<std::byte, kKeyHashBytes>;

// The first bytes of SHA-256(name || 0x0A || 0x01 || key).
KeyHash key_hash(std::string_view name, const crypto::PublicKey& key) {
    std::string text(name);
    text.push_back('\n');
    text.push_back(kEd25519);
    text.append(as_text(key));
    const Hash hash = crypto::sha256(as_bytes(text));
    KeyHash first;
    std::copy_n(hash.begin(), first.size(), first.begin());
    return first;
}

// Takes the next line, without its end, off the front.
std::optional<std::string_view> take_line(std::string_view& text) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

Error wrong(std::string_view what) {
    return data_loss(fmt::format("not a checkpoint of this log: {}", what));
}

Result<Tree> parse_tree(std::string_view size_line, std::string_view root_line) {
    Tree tree;
    const char* end = size_line.data() + size_line.size();
    const auto [stop, error] = std::from_chars(size_line.data(), end, tree.size);
    if (error != std::errc() || stop != end || std::to_string(tree.size) != size_line) {
        return fail(wrong("its second line is no number of entries"));
    }
    const auto root = parse_base64(root_line);
    if (!root || root->size() != tree.root.size()) {
        return fail(wrong("its third line is no hash"));
    }
    std::ranges::copy(*root, tree.root.begin());
    return tree;
}

std::string note_body(std::string_view name, const Tree& tree) {
    return fmt::format("{}\n{}\n{}\n", name, tree.size, base64(tree.root));
}

}  // namespace

std::string base64(Bytes bytes) {
    std::string text = crypto::base64url_encode(bytes);
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    while (text.size() % 4 != 0) text.push_back('=');
    return text;
}

std::optional<std::vector<std::byte>> parse_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string url(text);
    while (!url.empty() && url.back() == '=' && text.size() - url.size() < 2) url.pop_back();
    for (char& c : url) {
        if (c == '-' || c == '_') return std::nullopt;
        if (c == '+') c = '-';
        if (c == '/') c = '_';
    }
    auto bytes = crypto::base64url_decode(url);
    if (!bytes || base64(*bytes) != text) return std::nullopt;
    return *std::move(bytes);
}

std::string log_name(const crypto::PublicKey& key) {
    const Hash hash = crypto::sha256(key);
    return std::string(kNamePrefix) + crypto::hex_encode(Bytes(hash).first(kNameHashBytes));
}

std::string verifier_key(std::string_view name, const crypto::PublicKey& key) {
    std::string typed(1, kEd25519);
    typed.append(as_text(key));
    return fmt::format("{}+{}+{}", name, crypto::hex_encode(key_hash(name, key)),
                       base64(as_bytes(typed)));
}

Result<crypto::PublicKey> parse_verifier_key(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    const size_t hash_at = text.find('+');
    const size_t key_at = hash_at == std::string_view::npos ? hash_at : text.find('+', hash_at + 1);
    crypto::PublicKey key{};
    if (key_at != std::string_view::npos) {
        const auto typed = parse_base64(text.substr(key_at + 1));
        if (typed && typed->size() == key.size() + 1 && typed->front() == std::byte{kEd25519}) {
            std::copy(typed->begin() + 1, typed->end(), key.begin());
            if (verifier_key(key) == text) return key;
        }
    }
    return fail(
        invalid_argument("invalid_verifier_key", "This is not the verifier key of an audit log.")
            .with_hint("It looks like insula-audit/…+…+… and stands in the answer of "
                       "`insula audit verify`."));
}

std::string sign_checkpoint(const Tree& tree, const crypto::SigningKey& key) {
    const std::string name = log_name(key.public_key());
    const std::string body = note_body(name, tree);
    const crypto::Signature signature = key.sign(as_bytes(body));
    std::string signed_bytes(as_text(key_hash(name, key.public_key())));
    signed_bytes.append(as_text(signature));
    return fmt::format("{}\n{}{} {}\n", body, kSignatureMark, name, base64(as_bytes(signed_bytes)));
}

Result<Tree> verify_checkpoint(std::string_view note, const crypto::PublicKey& key) {
    if (note.size() > kCheckpointBytesMax) return fail(wrong("it is too long"));
    const std::string name = log_name(key);
    std::string_view rest = note;
    const auto origin = take_line(rest);
    const auto size_line = take_line(rest);
    const auto root_line = take_line(rest);
    const auto blank = take_line(rest);
    if (!origin || !size_line || !root_line || !blank || !blank->empty()) {
        return fail(wrong("it has not the form of one"));
    }
    if (*origin != name) {
        return fail(wrong(fmt::format("it is of \"{}\", this log is {}", *origin, name)));
    }
    ASSIGN_OR_RETURN(const Tree tree, parse_tree(*size_line, *root_line));
    const std::string body = note_body(name, tree);
    const std::string start = std::string(kSignatureMark) + name + " ";
    const KeyHash expected = key_hash(name, key);
    // Others, such as witnesses, may have signed it too.
    while (const auto line = take_line(rest)) {
        if (!line->starts_with(start)) continue;
        const auto bytes = parse_base64(line->substr(start.size()));
        crypto::Signature signature;
        if (!bytes || bytes->size() != kKeyHashBytes + signature.size()) continue;
        if (!std::equal(expected.begin(), expected.end(), bytes->begin())) continue;
        std::copy(bytes->begin() + kKeyHashBytes, bytes->end(), signature.begin());
        if (crypto::verify_signature(key, as_bytes(body), signature)) return tree;
    }
    return fail(wrong("it is not signed by the log's key"));
}

}  // namespace insula::audit
