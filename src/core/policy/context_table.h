// ContextTable: the Context of a request that is only thought of: keys and values as text, as
// somebody who simulates a policy gives them. Not thread-safe while it is filled.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/policy/context.h"

namespace insula::policy {

class ContextTable final : public Context {
  public:
    ContextTable() = default;
    ContextTable(const ContextTable&) = delete;
    ContextTable& operator=(const ContextTable&) = delete;

    // One more value of the key. invalid_argument `invalid_context` for an unknown key, and for a
    // second value of a key that has one.
    Status add(std::string_view key, std::string value);

    std::span<const std::string_view> values(const KeyName& key) const override;

  private:
    struct Entry {
        KeyName key;
        std::deque<std::string> texts;  // which do not move as it grows
        std::vector<std::string_view> values;
    };
    std::deque<Entry> entries_;
};

}  // namespace insula::policy
