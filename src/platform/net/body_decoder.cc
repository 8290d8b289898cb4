#include "platform/net/body_decoder.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/units.h"
#include "platform/net/exchange.h"
#include "platform/net/http.h"

namespace insula::net {

namespace {

constexpr size_t kGrowthMin = 64 * kKiB;
// 2^23 = 8 MiB, what RFC 8878 asks every decoder to support; a larger window is memory that the
// client chooses.
constexpr int kZstdWindowLogMax = 23;
// zlib: 15 bits of window, plus 16 to accept the gzip wrapper only.
constexpr int kGzipWindowBits = 15 + 16;

Error damaged(std::string_view format) {
    return invalid_argument("malformed_body",
                            "The request body is not valid " + std::string(format) + " data.")
        .with_hint("Send the body again, or send it without Content-Encoding.");
}

Error cut_short(std::string_view format) {
    return invalid_argument("malformed_body", "The request body ends in the middle of its " +
                                                  std::string(format) + " data.")
        .with_hint("Send the whole body.");
}

}  // namespace

class BodyDecoder::Codec {
  public:
    struct Progress {
        size_t consumed = 0;
        size_t produced = 0;
    };
    virtual ~Codec() = default;
    // Decodes what fits. Making no progress on either side means that the input is exhausted.
    virtual Result<Progress> decode(std::string_view in, char* out, size_t room) = 0;
    // At the end of the input: was the last stream complete?
    virtual Status finish() const = 0;
};

namespace {

// Also a series of gzip members, as RFC 1952 allows.
class GzipCodec final : public BodyDecoder::Codec {
  public:
    static Result<std::unique_ptr<Codec>> open() {
        auto codec = std::make_unique<GzipCodec>();
        const int code = inflateInit2(&codec->stream_, kGzipWindowBits);
        if (code != Z_OK) return fail(internal_error("inflateInit2: " + std::to_string(code)));
        codec->ready_ = true;
        return codec;
    }
    ~GzipCodec() override {
        if (ready_) inflateEnd(&stream_);
    }

    Result<Progress> decode(std::string_view in, char* out, size_t room) override {
        if (at_end_ && !in.empty()) {
            if (inflateReset(&stream_) != Z_OK) return fail(internal_error("inflateReset failed"));
            at_end_ = false;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(std::min<size_t>(in.size(), kGiB));
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = static_cast<uInt>(std::min<size_t>(room, kGiB));
        const uInt offered = stream_.avail_in;
        const uInt room_offered = stream_.avail_out;
        const int code = inflate(&stream_, Z_NO_FLUSH);
        if (code == Z_STREAM_END) {
            at_end_ = true;
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            return fail(damaged("gzip"));
        }
        return Progress{offered - stream_.avail_in, room_offered - stream_.avail_out};
    }
    Status finish() const override {
        if (!at_end_) return fail(cut_short("gzip"));
        return {};
    }

  private:
    z_stream stream_{};
    bool ready_ = false;
    bool at_end_ = false;
};

class ZstdCodec final : public BodyDecoder::Codec {
  public:
    static Result<std::unique_ptr<Codec>> open() {
        auto codec = std::make_unique<ZstdCodec>();
        codec->context_ = ZSTD_createDCtx();
        if (codec->context_ == nullptr) return fail(internal_error("ZSTD_createDCtx failed"));
        const size_t code =
            ZSTD_DCtx_setParameter(codec->context_, ZSTD_d_windowLogMax, kZstdWindowLogMax);
        if (ZSTD_isError(code)) return fail(internal_error(ZSTD_getErrorName(code)));
        return codec;
    }
    ~ZstdCodec() override { ZSTD_freeDCtx(context_); }

    Result<Progress> decode(std::string_view in, char* out, size_t room) override {
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        ZSTD_outBuffer output{out, room, 0};
        const size_t code = ZSTD_decompressStream(context_, &output, &input);
        if (ZSTD_isError(code)) {
            return fail(damaged("zstd")
                            .with_hint("Send valid zstd frames with windows of at most 8 MiB.")
                            .with_detail(ZSTD_getErrorName(code)));
        }
        // Called once more at the end of a frame, zstd asks for the next one.
        if (input.pos > 0 || output.pos > 0) at_end_ = code == 0;
        return Progress{input.pos, output.pos};
    }
    Status finish() const override {
        if (!at_end_) return fail(cut_short("zstd"));
        return {};
    }

  private:
    ZSTD_DCtx* context_ = nullptr;
    bool at_end_ = false;
};

}  // namespace

std::string padded_string(size_t bytes) {
    std::string text;
    text.resize_and_overwrite(bytes + kBodyPadding, [bytes](char* data, size_t) {
        std::memset(data + bytes, 0, kBodyPadding);
        return bytes;
    });
    return text;
}

Error body_too_large(uint64_t bytes_max) {
    return Error(Code::payload_too_large, "body_too_large",
                 "The request body is larger than the " + std::to_string(bytes_max) +
                     " bytes that are allowed here.")
        .with_hint("Split it into several requests.");
}

Status count_body(MemoryGrant* memory, uint64_t bytes) {
    if (memory == nullptr || bytes <= kUncountedBodyBytes || bytes <= memory->bytes()) return {};
    return memory->grow(bytes - memory->bytes());
}

BodyDecoder::BodyDecoder(std::unique_ptr<Codec> codec, uint64_t bytes_max, MemoryGrant* memory)
    : codec_(std::move(codec)), bytes_max_(bytes_max), memory_(memory) {}
BodyDecoder::~BodyDecoder() = default;

Result<std::unique_ptr<BodyDecoder>> BodyDecoder::open(std::string_view encoding,
                                                       uint64_t bytes_max, MemoryGrant* memory) {
    std::unique_ptr<Codec> codec;
    if (equal_without_case(encoding, "gzip") || equal_without_case(encoding, "x-gzip")) {
        ASSIGN_OR_RETURN(codec, GzipCodec::open());
    } else if (equal_without_case(encoding, "zstd")) {
        ASSIGN_OR_RETURN(codec, ZstdCodec::open());
    } else if (!encoding.empty() && !equal_without_case(encoding, "identity")) {
        return fail(Error(Code::unsupported_media, "unsupported_encoding",
                          "The Content-Encoding of the request is not supported.")
                        .with_hint("Use gzip, zstd or no encoding."));
    }
    return std::unique_ptr<BodyDecoder>(new BodyDecoder(std::move(codec), bytes_max, memory));
}

// Makes room behind used_: doubles, so that appending stays linear, but never far beyond the bound.
// Where there is no memory to double, what is needed is enough.
Status BodyDecoder::make_room(size_t bytes) {
    if (out_.size() - used_ >= bytes) return {};
    const size_t wanted = std::max({used_ + bytes, out_.size() * 2, kGrowthMin});
    size_t size = std::min<uint64_t>(wanted, std::max<uint64_t>(bytes_max_, used_ + bytes));
    // The one byte that shows a body over the bound is not counted: it is never more than one.
    if (!count_body(memory_, std::min<uint64_t>(size, bytes_max_))) {
        size = used_ + bytes;
        RETURN_IF_ERROR(count_body(memory_, std::min<uint64_t>(size, bytes_max_)));
    }
    out_.resize_and_overwrite(size + kBodyPadding, [size](char*, size_t) { return size; });
    return {};
}

Status BodyDecoder::push(std::string_view piece) {
    if (codec_) return decode(piece);
    if (piece.size() > bytes_max_ - used_) return fail(body_too_large(bytes_max_));
    RETURN_IF_ERROR(make_room(piece.size()));
    std::memcpy(out_.data() + used_, piece.data(), piece.size());
    used_ += piece.size();
    return {};
}

Status BodyDecoder::decode(std::string_view piece) {
    for (;;) {
        // One byte more than allowed, so that a body over the bound shows itself.
        RETURN_IF_ERROR(make_room(std::min<uint64_t>(bytes_max_ - used_ + 1, kGrowthMin)));
        const size_t room = out_.size() - used_;
        ASSIGN_OR_RETURN(const auto progress, codec_->decode(piece, out_.data() + used_, room));
        used_ += progress.produced;
        piece.remove_prefix(progress.consumed);
        if (used_ > bytes_max_) return fail(body_too_large(bytes_max_));
        if (progress.consumed == 0 && progress.produced == 0) {
            if (!piece.empty()) return fail(damaged("compressed"));
            return {};
        }
        // Room left over means that the codec holds nothing back.
        if (piece.empty() && progress.produced < room) return {};
    }
}

Result<std::string> BodyDecoder::finish() {
    if (codec_) RETURN_IF_ERROR(codec_->finish());
    const size_t used = used_;
    out_.resize_and_overwrite(used + kBodyPadding, [used](char* data, size_t) {
        std::memset(data + used, 0, kBodyPadding);
        return used;
    });
    return std::move(out_);
}

}  // namespace insula::net
