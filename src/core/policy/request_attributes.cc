#include "core/policy/request_attributes.h"

#include "base/check.h"
#include "core/policy/ascii_case.h"

namespace insula::policy {

namespace {

// Of a time before 1970 too, the second that it is in.
int64_t whole_seconds(WallNanos nanos) {
    const int64_t seconds = nanos / json::kNanosPerSecond;
    return nanos % json::kNanosPerSecond < 0 ? seconds - 1 : seconds;
}

}  // namespace

void RequestAttributes::set(Key key, std::string_view value) {
    INSULA_CHECK(!key_info(key).family(), "a key of a family has a tag");
    values_[static_cast<size_t>(key)] = value;
    present_.set(static_cast<size_t>(key));
}

void RequestAttributes::add_tag(Key family, std::string_view name, std::string_view value) {
    INSULA_CHECK(key_info(family).family(), "only families have tags");
    tags_.push_back({.family = family, .name = name, .value = value});
}

std::span<const std::string_view> RequestAttributes::one(Key key) const {
    const auto index = static_cast<size_t>(key);
    if (!present_.test(index)) return {};
    return {&values_[index], 1};
}

std::span<const std::string_view> RequestAttributes::time(Key key) const {
    const auto index = static_cast<size_t>(key);
    if (!present_.test(index)) {
        const int64_t seconds = whole_seconds(now_);
        if (key == Key::current_time) {
            const char* end =
                json::format_timestamp(current_time_.data(), seconds * json::kNanosPerSecond);
            values_[index] = {current_time_.data(), end};
        } else {
            values_[index] = {epoch_time_.data(), json::format_int64(epoch_time_.data(), seconds)};
        }
        present_.set(index);
    }
    return one(key);
}

std::span<const std::string_view> RequestAttributes::tag_keys(Key key, Key family) const {
    auto& names = key == Key::tag_keys ? tag_keys_ : object_tag_keys_;
    names.clear();
    for (const Tag& tag : tags_) {
        if (tag.family == family) names.push_back(tag.name);
    }
    return names;
}

std::span<const std::string_view> RequestAttributes::values(const KeyName& key) const {
    switch (key.key) {
        case Key::current_time:
        case Key::epoch_time:
            return time(key.key);
        case Key::tag_keys:
            return tag_keys(key.key, Key::request_tag);
        case Key::request_object_tag_keys:
            return tag_keys(key.key, Key::request_object_tag);
        default:
            break;
    }
    if (!key_info(key.key).family()) return one(key.key);
    for (const Tag& tag : tags_) {
        const bool fits = tag.family == key.key && equal_ignoring_case(tag.name, key.tag);
        if (fits) return {&tag.value, 1};
    }
    return {};
}

}  // namespace insula::policy
