// Context: what a request has for the condition keys of policies. An evaluation asks only for the
// keys that its policies name, so that an implementation may compute a value when it is asked for.
#pragma once

#include <span>
#include <string_view>

#include "core/policy/vocabulary.h"

namespace insula::policy {

class Context {
  public:
    virtual ~Context() = default;
    // The key's values, as text: "true", "10.0.0.7", "2026-01-15T10:20:30Z". None where the
    // request does not have the key. They stay as they are until the context is changed.
    virtual std::span<const std::string_view> values(const KeyName& key) const = 0;
};

}  // namespace insula::policy
