#include "server/config/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

namespace insula::config {
namespace {

struct Unit {
    std::string_view name;
    int64_t size;
};

constexpr int64_t kThousand = 1000;
constexpr std::array kByteUnits{Unit{"PiB", int64_t{1} << 50},
                                Unit{"TiB", int64_t{1} << 40},
                                Unit{"GiB", 1 << 30},
                                Unit{"MiB", 1 << 20},
                                Unit{"KiB", 1 << 10},
                                Unit{"PB", kThousand* kThousand* kThousand* kThousand* kThousand},
                                Unit{"TB", kThousand* kThousand* kThousand* kThousand},
                                Unit{"GB", kThousand* kThousand* kThousand},
                                Unit{"MB", kThousand* kThousand},
                                Unit{"KB", kThousand},
                                Unit{"B", 1}};

constexpr std::array kDurationUnits{Unit{"d", 86'400'000'000'000},
                                    Unit{"h", 3'600'000'000'000},
                                    Unit{"m", 60'000'000'000},
                                    Unit{"s", 1'000'000'000},
                                    Unit{"ms", 1'000'000},
                                    Unit{"us", 1'000},
                                    Unit{"ns", 1}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Error malformed(std::string_view what) { return invalid_argument("malformed", std::string(what)); }

// Takes "12.5" from the front of `text` and gives it times `unit`, rounded down; exact, whatever
// the size.
struct Number {
    __int128 whole = 0;
    __int128 fraction = 0;
    __int128 fraction_scale = 1;
};

Result<Number> take_number(std::string_view& text) {
    constexpr size_t kDigitsMax = 19;  // of either part: fits 128 bits with any unit
    Number number;
    size_t at = 0;
    while (at < text.size() && is_digit(text[at])) {
        if (at == kDigitsMax) return fail(malformed("the number is too large"));
        number.whole = number.whole * 10 + (text[at++] - '0');
    }
    if (at == 0) return fail(malformed("it does not begin with a number"));
    if (at < text.size() && text[at] == '.') {
        const size_t point = at++;
        while (at < text.size() && is_digit(text[at])) {
            if (at - point > kDigitsMax) return fail(malformed("the fraction is too long"));
            number.fraction = number.fraction * 10 + (text[at++] - '0');
            number.fraction_scale *= 10;
        }
        if (at == point + 1) return fail(malformed("no digit follows the point"));
    }
    text = trim(text.substr(at));
    return number;
}

Result<int64_t> scaled(const Number& number, int64_t unit) {
    const __int128 value = number.whole * unit + number.fraction * unit / number.fraction_scale;
    if (value > std::numeric_limits<int64_t>::max()) {
        return fail(malformed("the number is too large"));
    }
    return static_cast<int64_t>(value);
}

// The largest unit that divides `value`.
const Unit& exact_unit(int64_t value, std::span<const Unit> units) {
    return *std::find_if(units.begin(), units.end(),
                         [&](const Unit& unit) { return value % unit.size == 0; });
}

// Text that can be shown in a log, a page and a terminal.
bool is_plain_text(std::string_view text) {
    size_t continuation = 0;
    for (const char c : text) {
        const auto byte = static_cast<uint8_t>(c);
        if (byte < 0x20 || byte == 0x7f) return false;
        if (continuation > 0) {
            if ((byte & 0xc0) != 0x80) return false;
            --continuation;
        } else if (byte >= 0x80) {
            if (byte < 0xc2 || byte > 0xf4) return false;
            continuation = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        }
    }
    return continuation == 0;
}

std::string list_of_words(std::string_view choices) {
    std::string result;
    for (const std::string_view word : words(choices)) {
        if (!result.empty()) result.append(", ");
        result.append(word);
    }
    return result;
}

std::string_view noun(Kind kind) {
    switch (kind) {
        case Kind::boolean:
            return "true or false";
        case Kind::integer:
            return "a whole number";
        case Kind::bytes:
            return "a size";
        case Kind::duration:
            return "a duration";
        case Kind::ratio:
            return "a share";
        case Kind::text:
            return "a text";
        case Kind::choice:
            return "one of";
        case Kind::path:
            return "a path";
        case Kind::list:
            return "a list";
        case Kind::records:
            return "a list of mappings with";
    }
    return {};
}

std::string_view example(const Key& key) {
    if (!key.initial.empty() && key.initial != "auto") return key.initial;
    switch (key.kind) {
        case Kind::boolean:
            return "true";
        case Kind::integer:
            return "4";
        case Kind::bytes:
            return "512MiB";
        case Kind::duration:
            return "30s";
        case Kind::ratio:
            return "70%";
        case Kind::path:
            return "/var/lib/insula";
        case Kind::list:
            return "[a, b]";
        case Kind::text:
        case Kind::choice:
        case Kind::records:
            break;
    }
    return {};
}

// How a value is shown in messages.
std::string shown(const Key& key, std::string_view text) {
    constexpr size_t kShownMax = 100;
    if (key.secret) return "***";
    std::string result;
    for (const char c : text.substr(0, kShownMax)) {
        const auto byte = static_cast<uint8_t>(c);
        if (byte < 0x20 || byte >= 0x7f) {
            fmt::format_to(std::back_inserter(result), "\\x{:02x}", byte);
        } else {
            result.push_back(c);
        }
    }
    if (text.size() > kShownMax) result.append("...");
    return result;
}

Error bad_value(const Key& key, std::string_view text, std::string_view why = {}) {
    return invalid_argument("invalid_setting",
                            fmt::format("{} is \"{}\"{}{}: it takes {}", key.name, shown(key, text),
                                        why.empty() ? "" : ", ", why, allowed(key)));
}

Result<bool> parse_boolean(std::string_view text) {
    for (const std::string_view word : {"true", "on", "yes", "1"}) {
        if (same_ignoring_case(text, word)) return true;
    }
    for (const std::string_view word : {"false", "off", "no", "0"}) {
        if (same_ignoring_case(text, word)) return false;
    }
    return fail(malformed("it is neither true nor false"));
}

Result<int64_t> parse_integer(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return fail(malformed("it is no whole number"));
    }
    return value;
}

Result<double> parse_ratio(std::string_view text) {
    const bool percent = text.ends_with('%');
    if (percent) text = trim(text.substr(0, text.size() - 1));
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
        return fail(malformed("it is no number"));
    }
    return percent ? value / 100 : value;
}

template <class T>
Result<Value> to_value(Result<T> parsed) {
    if (!parsed) return fail(std::move(parsed).error());
    return Value(*std::move(parsed));
}

// Without bounds and refusals.
Result<Value> parse_by_kind(const Key& key, std::string_view text) {
    switch (key.kind) {
        case Kind::boolean:
            return to_value(parse_boolean(text));
        case Kind::integer:
            return to_value(parse_integer(text));
        case Kind::bytes:
            return to_value(parse_bytes(text));
        case Kind::duration:
            return to_value(parse_duration(text));
        case Kind::ratio:
            return to_value(parse_ratio(text));
        case Kind::text:
            return Value(std::string(text));
        case Kind::choice: {
            for (const std::string_view word : words(key.choices)) {
                if (same_ignoring_case(text, word)) return Value(std::string(word));
            }
            return fail(malformed({}));
        }
        case Kind::path:
            return Value(std::string(text));
        case Kind::list: {
            std::vector<std::string> items;
            while (!text.empty()) {
                const size_t comma = std::min(text.find(','), text.size());
                const std::string_view item = trim(text.substr(0, comma));
                if (item.empty()) return fail(malformed("it has an empty item"));
                items.emplace_back(item);
                text.remove_prefix(std::min(comma + 1, text.size()));
            }
            if (items.size() > kListItemsMax) return fail(malformed("it has too many items"));
            return Value(std::move(items));
        }
        case Kind::records:
            return fail(malformed("it can only be set in YAML"));
    }
    return fail(internal_error("unknown kind of setting"));
}

bool in_bounds(const Key& key, const Value& value) {
    const auto holds = [&](std::string_view bound, bool lower_bound) {
        if (bound.empty()) return true;
        const Result<Value> parsed = parse_by_kind(key, bound);
        if (!parsed || parsed->index() != value.index()) return false;
        return lower_bound ? *parsed <= value : value <= *parsed;
    };
    return holds(key.minimum, true) && holds(key.maximum, false);
}

}  // namespace

Result<int64_t> parse_bytes(std::string_view text) {
    text = trim(text);
    ASSIGN_OR_RETURN(const Number number, take_number(text));
    if (text.empty()) return scaled(number, 1);
    for (const Unit& unit : kByteUnits) {
        // "KiB" is also written "Ki", "KB" also "K".
        const std::string_view short_name = unit.name.substr(0, unit.name.size() - 1);
        if (same_ignoring_case(text, unit.name) ||
            (!short_name.empty() && same_ignoring_case(text, short_name))) {
            return scaled(number, unit.size);
        }
    }
    return fail(malformed(fmt::format("\"{}\" is no unit of size", text)));
}

Result<int64_t> parse_duration(std::string_view text) {
    text = trim(text);
    if (text == "0") return 0;
    __int128 total = 0;
    do {
        ASSIGN_OR_RETURN(const Number number, take_number(text));
        const size_t end = static_cast<size_t>(
            std::find_if_not(text.begin(), text.end(), is_letter) - text.begin());
        const std::string_view name = text.substr(0, end);
        const auto unit =
            std::find_if(kDurationUnits.begin(), kDurationUnits.end(),
                         [&](const Unit& candidate) { return candidate.name == name; });
        if (name.empty()) return fail(malformed("a duration needs a unit"));
        if (unit == kDurationUnits.end()) {
            return fail(malformed(fmt::format("\"{}\" is no unit of time", name)));
        }
        ASSIGN_OR_RETURN(const int64_t part, scaled(number, unit->size));
        total += part;
        if (total > std::numeric_limits<int64_t>::max()) {
            return fail(malformed("the number is too large"));
        }
        text = trim(text.substr(end));
    } while (!text.empty());
    return static_cast<int64_t>(total);
}

std::string format_bytes(int64_t bytes) {
    if (bytes == 0) return "0B";
    const Unit& unit = exact_unit(bytes, kByteUnits);
    return fmt::format("{}{}", bytes / unit.size, unit.name);
}

std::string format_duration(int64_t nanos) {
    if (nanos == 0) return "0s";
    const Unit* unit = &exact_unit(nanos, kDurationUnits);
    // "24h" and "36h" read better than "1d" and "1.5d".
    if (unit->name == "d" && nanos / unit->size < 2) unit = &kDurationUnits[1];
    return fmt::format("{}{}", nanos / unit->size, unit->name);
}

Result<Value> parse_value(const Key& key, std::string_view text) {
    if (text.size() > kTextValueMax) return fail(bad_value(key, text, "it is too long"));
    if (!is_plain_text(text)) return fail(bad_value(key, text, "it holds bytes that are no text"));
    auto value = parse_by_kind(key, key.secret ? text : trim(text));
    if (!value) return fail(bad_value(key, text, value.error().message()));
    if (!in_bounds(key, *value)) return fail(bad_value(key, text, "which is out of bounds"));
    if (key.kind == Kind::path && !key.initial.empty() && std::get<std::string>(*value).empty()) {
        return fail(bad_value(key, text));
    }
    if (key.refuse != nullptr) {
        if (const Status status = key.refuse(*value); !status) {
            return fail(invalid_argument("refused_setting",
                                         fmt::format("{} is \"{}\": {}", key.name, shown(key, text),
                                                     status.error().message())));
        }
    }
    return value;
}

Result<Value> make_list(const Key& key, std::vector<std::string> items) {
    if (items.size() > kListItemsMax) return fail(bad_value(key, {}, "it has too many items"));
    for (const std::string& item : items) {
        if (item.empty() || item.size() > kTextValueMax || !is_plain_text(item)) {
            return fail(bad_value(key, item, "which is no item of a list"));
        }
    }
    Value value(std::move(items));
    if (key.refuse != nullptr) RETURN_IF_ERROR(key.refuse(value));
    return value;
}

std::string format_value(const Key& key, const Value& value) {
    switch (key.kind) {
        case Kind::boolean:
            return std::get<bool>(value) ? "true" : "false";
        case Kind::integer:
            return std::to_string(std::get<int64_t>(value));
        case Kind::bytes:
            return format_bytes(std::get<int64_t>(value));
        case Kind::duration:
            return format_duration(std::get<int64_t>(value));
        case Kind::ratio:
            return fmt::format("{:.10g}%", std::get<double>(value) * 100);
        case Kind::text:
        case Kind::choice:
        case Kind::path:
            return std::get<std::string>(value);
        case Kind::list:
            return fmt::format("{}", fmt::join(std::get<4>(value), ", "));
        case Kind::records:
            break;
    }
    std::string text;
    for (const Record& record : std::get<5>(value)) {
        if (!text.empty()) text.append("; ");
        for (size_t i = 0; i < record.size(); ++i) {
            fmt::format_to(std::back_inserter(text), "{}{}={}", i == 0 ? "" : " ", record[i].first,
                           record[i].second);
        }
    }
    return text;
}

std::string allowed(const Key& key) {
    std::string text{noun(key.kind)};
    if (!key.choices.empty()) text.append(" ").append(list_of_words(key.choices));
    if (!key.minimum.empty() && !key.maximum.empty()) {
        text.append(fmt::format(" from {} to {}", key.minimum, key.maximum));
    } else if (!key.minimum.empty()) {
        text.append(fmt::format(" of at least {}", key.minimum));
    } else if (!key.maximum.empty()) {
        text.append(fmt::format(" of at most {}", key.maximum));
    }
    if (key.automatic != nullptr) text.append(", or auto");
    const std::string_view sample = example(key);
    const bool clear = key.kind == Kind::boolean || key.kind == Kind::choice || key.secret;
    if (!clear && !sample.empty()) text.append(fmt::format(", such as {}", sample));
    return text;
}

}  // namespace insula::config
