// RequestAttributes: the Context of a request that is being served. Values are set as views; what
// has to be computed (times, tag keys) is computed when a policy asks for it; only tags and their
// keys allocate. Used by one thread;
// whatever it was given must outlive it.
#pragma once

#include <array>
#include <bitset>
#include <span>
#include <string_view>
#include <vector>

#include "core/policy/context.h"
#include "platform/json/json_writer.h"
#include "platform/json/time_text.h"
#include "platform/runtime/clock.h"

namespace insula::policy {

class RequestAttributes final : public Context {
  public:
    // `now` is what aws:CurrentTime and aws:EpochTime say.
    explicit RequestAttributes(WallNanos now) : now_(now) {}
    RequestAttributes(const RequestAttributes&) = delete;
    RequestAttributes& operator=(const RequestAttributes&) = delete;

    // A key with one value; not a family.
    void set(Key key, std::string_view value);
    void set_secure_transport(bool secure) {
        set(Key::secure_transport, secure ? "true" : "false");
    }
    // One of a family: add_tag(Key::request_tag, "project", "blue"). Those of request_tag and
    // request_object_tag show in aws:TagKeys and s3:RequestObjectTagKeys too.
    void add_tag(Key family, std::string_view name, std::string_view value);

    std::span<const std::string_view> values(const KeyName& key) const override;

  private:
    struct Tag {
        Key family;
        std::string_view name;
        std::string_view value;
    };

    std::span<const std::string_view> one(Key key) const;
    std::span<const std::string_view> tag_keys(Key key, Key family) const;
    std::span<const std::string_view> time(Key key) const;

    const WallNanos now_;
    std::vector<Tag> tags_;
    // Filled when they are asked for.
    mutable std::array<std::string_view, kKeyCount> values_;
    mutable std::bitset<kKeyCount> present_;
    mutable std::array<char, json::kTimestampTextMax> current_time_;
    mutable std::array<char, json::kNumberTextMax> epoch_time_;
    mutable std::vector<std::string_view> tag_keys_;
    mutable std::vector<std::string_view> object_tag_keys_;
};

}  // namespace insula::policy
