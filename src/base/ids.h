// Identities of things. Each is a type of its own, so that one cannot be passed for another.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace insula {

// A 64-bit identity, never reused. 0 means "none".
template <class Tag>
struct Id {
    uint64_t value = 0;
    auto operator<=>(const Id&) const = default;
    explicit operator bool() const { return value != 0; }
};

using SourceIncarnation =
    Id<struct SourceIncarnationTag>;          // one life of a source, from add to remove
using ColumnId = Id<struct ColumnIdTag>;      // within a source incarnation; the Parquet field_id
using FileId = Id<struct FileIdTag>;          // a blob file
using StreamId = Id<struct StreamIdTag>;      // a journal stream: one start of one node
using Epoch = Id<struct EpochTag>;            // one ownership of a tenant by a node
using Generation = Id<struct GenerationTag>;  // a memtable of a source, within an epoch

// A place in the journal: streams are ordered by start, positions are byte offsets in the stream.
struct Lsn {
    StreamId stream;
    uint64_t position = 0;
    auto operator<=>(const Lsn&) const = default;
};

// UUID version 4.
struct TenantId {
    std::array<uint8_t, 16> bytes{};
    auto operator<=>(const TenantId&) const = default;

    // "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b"
    std::string to_string() const;
    static Result<TenantId> parse(std::string_view text);
};

}  // namespace insula

template <class Tag>
struct std::hash<insula::Id<Tag>> {
    size_t operator()(const insula::Id<Tag>& id) const noexcept {
        return std::hash<uint64_t>{}(id.value);
    }
};
template <>
struct std::hash<insula::TenantId> {
    size_t operator()(const insula::TenantId& id) const noexcept {
        return std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
    }
};
