#include "platform/blob/file_seal.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace insula::blob {
namespace {

constexpr std::string_view kWrapPurpose = "insula data key of a file 1";

// Behind the frame's number in a nonce, so that the file's tag has one that no frame has.
enum class NonceOf : uint32_t { frame = 0, file = 1 };

crypto::Nonce nonce(NonceOf what, uint64_t number) {
    crypto::Nonce bytes;
    std::memcpy(bytes.data(), &number, sizeof number);
    std::memcpy(bytes.data() + sizeof number, &what, sizeof what);
    return bytes;
}
static_assert(sizeof(uint64_t) + sizeof(NonceOf) == crypto::kNonceBytes);

std::string wrapped_for(const crypto::SealKey& key, FileId id) {
    ByteWriter writer;
    writer.put_bytes(as_bytes(kWrapPurpose));
    writer.put_bytes(std::as_bytes(std::span(key.tenant.bytes)));
    writer.put(key.id.value);
    writer.put(id.value);
    return writer.take();
}

using FrameAssociated = std::array<std::byte, 17>;

FrameAssociated associated(FileId id, FramePlace place) {
    FrameAssociated bytes;
    std::memcpy(bytes.data(), &id.value, 8);
    std::memcpy(bytes.data() + 8, &place.number, 8);
    bytes[16] = place.last ? std::byte{1} : std::byte{0};
    return bytes;
}

std::string associated(const SealedEnds& ends) {
    ByteWriter writer;
    writer.put_bytes(ends.header);
    writer.put(ends.content_bytes);
    return writer.take();
}

}  // namespace

FileSeal::FileSeal(FileId id, const crypto::WrappedKey& wrapped, crypto::SecretKey data_key)
    : id_(id), wrapped_(wrapped), aead_(std::move(data_key)) {}

FileSeal FileSeal::create(const crypto::SealKey& key, FileId id, Random& random) {
    crypto::SecretKey data_key = crypto::SecretKey::random(random);
    const crypto::WrappedKey wrapped =
        crypto::wrap_key(key.key, data_key, as_bytes(wrapped_for(key, id)), random);
    return FileSeal(id, wrapped, std::move(data_key));
}

Result<FileSeal> FileSeal::open(const crypto::SealKey& key, FileId id, Bytes block,
                                const SealedEnds& ends) {
    INSULA_CHECK(block.size() == kSealBytes, "a seal has one size");
    crypto::WrappedKey wrapped;
    crypto::Tag tag;
    std::ranges::copy(block.first(wrapped.size()), wrapped.begin());
    std::ranges::copy(block.subspan(wrapped.size(), tag.size()), tag.begin());
    ASSIGN_OR_RETURN(crypto::SecretKey data_key,
                     crypto::unwrap_key(key.key, wrapped, as_bytes(wrapped_for(key, id))));
    FileSeal seal(id, wrapped, std::move(data_key));
    const std::string bound = associated(ends);
    RETURN_IF_ERROR(seal.aead_.open({nonce(NonceOf::file, 0), as_bytes(bound)}, tag, {}, {}));
    return seal;
}

std::string FileSeal::block(const SealedEnds& ends) const {
    const std::string bound = associated(ends);
    const crypto::Tag tag = aead_.seal({nonce(NonceOf::file, 0), as_bytes(bound)}, {}, {});
    ByteWriter writer;
    writer.put_bytes(wrapped_);
    writer.put_bytes(tag);
    writer.put_zeros(kSealBytes - writer.size());
    return writer.take();
}

crypto::Tag FileSeal::seal_frame(FramePlace place, Bytes plain, MutableBytes sealed) const {
    const FrameAssociated bound = associated(id_, place);
    return aead_.seal({nonce(NonceOf::frame, place.number), bound}, plain, sealed);
}

Status FileSeal::open_frame(FramePlace place, const crypto::Tag& tag, MutableBytes frame) const {
    const FrameAssociated bound = associated(id_, place);
    return aead_.open({nonce(NonceOf::frame, place.number), bound}, tag, frame, frame);
}

}  // namespace insula::blob
