// Entry: one thing that somebody did, or was refused. Its text is one JSON object on one line, as
// docs/formats/audit-log.md has it member by member: what is stored, hashed, searched and exported
// is this text, byte for byte. Plain values and pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "platform/runtime/clock.h"
#include "platform/runtime/random.h"

namespace insula::audit {

inline constexpr int kEntryVersion = 1;
inline constexpr size_t kEntryTextBytesMax = 512;  // of each text; the rest is cut off
inline constexpr size_t kEntryChangesMax = 8;      // those after it are counted
// What no entry of these limits reaches, though every byte may take six as JSON. A record of the
// catalog may be as long.
inline constexpr size_t kEntryBytesMax = 64 * 1024;

using EntryId = std::array<uint8_t, 16>;
EntryId new_entry_id(Random& random);

inline constexpr std::string_view kAllowed = "allowed";
inline constexpr std::string_view kDenied = "denied";
inline constexpr std::string_view kUnauthenticated = "unauthenticated";

// Empty texts are left out.
struct Entry {
    EntryId id{};  // never twice
    WallNanos time = 0;
    // Whose part of the log it belongs to; absent: the platform's.
    std::optional<TenantId> tenant;
    std::string actor;     // "user/ann", "platform/user/root"; empty: nobody who is known
    std::string action;    // "tenant:CreateUser"
    std::string resource;  // "user/*"
    std::vector<std::string> changes;  // "put user/bob", …
    std::string remote_address;
    std::string request_id;
    std::string decision;   // one of the three above
    std::string policy;     // of the deciding statement
    std::string statement;  // its Sid, or its place in the policy from 0
    std::string reason;     // why it was refused, in a word
    uint64_t dropped = 0;   // of an entry that says how many others there should be

    bool operator==(const Entry&) const = default;
};

std::string encode(const Entry& entry);
// data_loss for a text that is none of ours, or of a later version.
Result<Entry> decode(std::string_view text);

// Without reading the whole text: whether it belongs to the tenant's part.
bool is_of_tenant(std::string_view text, const TenantId& tenant);

}  // namespace insula::audit
