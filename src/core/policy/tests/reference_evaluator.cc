#include "core/policy/tests/reference_evaluator.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <optional>

namespace insula::policy::reference {

namespace {

using json::JsonValue;
using std::string;
using Strings = std::vector<string>;

string small(string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return text;
}

bool has(const string& text, const string& part) { return text.find(part) != string::npos; }

string text_of(const JsonValue& value) { return value.is_string() ? value.string() : value.text(); }

Strings texts_of(const JsonValue& value) {
    Strings out;
    if (!value.is_array()) return {text_of(value)};
    for (const JsonValue& item : value.array()) out.push_back(text_of(item));
    return out;
}

// --- wildcards and variables: a pattern is a list of one-character strings; "**" is the asterisk
// that stands for anything, "??" the question mark that stands for one character.

Strings characters(const string& text) {
    Strings out;
    for (const char c : text) {
        const bool more = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
        if (more && !out.empty()) {
            out.back() += c;
        } else {
            out.emplace_back(1, c);
        }
    }
    return out;
}

bool glob(const Strings& pattern, size_t p, const Strings& text, size_t t) {
    if (p == pattern.size()) return t == text.size();
    if (pattern[p] == "**") {
        return glob(pattern, p + 1, text, t) || (t < text.size() && glob(pattern, p, text, t + 1));
    }
    if (t == text.size()) return false;
    return (pattern[p] == "??" || pattern[p] == text[t]) && glob(pattern, p + 1, text, t + 1);
}

struct Syntax {
    bool wildcards = false;
    bool variables = false;
};

std::optional<Strings> expand(const string& text, Syntax syntax, const Request& request) {
    Strings out;
    const auto add = [&](const string& more) {
        for (const string& c : characters(more)) out.push_back(c);
    };
    for (size_t i = 0; i < text.size(); ++i) {
        if (syntax.variables && text.compare(i, 2, "${") == 0) {
            const size_t end = text.find('}', i);
            const string inside = text.substr(i + 2, end - i - 2);
            i = end;
            if (inside == "*" || inside == "?" || inside == "$") {
                add(inside);
                continue;
            }
            const size_t comma = inside.find(',');
            const auto found = request.context.find(small(inside.substr(0, comma)));
            if (found != request.context.end() && found->second.size() == 1) {
                add(found->second[0]);
            } else if (comma != string::npos) {
                const size_t first = inside.find('\'');
                add(inside.substr(first + 1, inside.rfind('\'') - first - 1));
            } else {
                return std::nullopt;
            }
        } else if (syntax.wildcards && text[i] == '*') {
            out.emplace_back("**");
        } else if (syntax.wildcards && text[i] == '?') {
            out.emplace_back("??");
        } else {
            string c(1, text[i]);
            while (i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xC0) == 0x80)
                c += text[++i];
            out.push_back(c);
        }
    }
    return out;
}

enum class Answer { no, yes, unknown };

Answer like(const string& pattern, const string& text, Syntax syntax, const Request& request) {
    const auto expanded = expand(pattern, syntax, request);
    if (!expanded) return Answer::unknown;
    return glob(*expanded, 0, characters(text), 0) ? Answer::yes : Answer::no;
}

// The parts between the first five colons that do not stand within a variable.
Strings arn_parts(const string& arn, bool variables) {
    Strings parts(1);
    bool inside = false;
    for (size_t i = 0; i < arn.size(); ++i) {
        if (variables && arn.compare(i, 2, "${") == 0) inside = true;
        if (arn[i] == '}') inside = false;
        if (arn[i] == ':' && !inside && parts.size() < 6) {
            parts.emplace_back();
        } else {
            parts.back() += arn[i];
        }
    }
    return parts;
}

Answer arn_like(const string& pattern, const string& value, bool variables,
                const Request& request) {
    const Strings patterns = arn_parts(pattern, variables);
    const Strings values = arn_parts(value, false);
    if (values.size() != 6) return Answer::no;
    Answer answer = Answer::yes;
    for (size_t i = 0; i < 6; ++i) {
        const Answer one = like(patterns[i], values[i], {true, variables}, request);
        if (one == Answer::no) return one;
        if (one == Answer::unknown) answer = one;
    }
    return answer;
}

// --- values

std::optional<double> number(const string& text) {
    char* end = nullptr;
    const double value = strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0') return std::nullopt;
    return value;
}

// Whole seconds are enough for what the tests ask.
std::optional<double> instant(const string& text) {
    if (!text.empty() && text.find_first_not_of("0123456789") == string::npos) {
        return number(text);
    }
    int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, zone_hour = 0, end = 0;
    char sign = '+';
    if (sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3) return std::nullopt;
    if (text.size() > 10) {
        if (sscanf(text.c_str() + 10, "T%2d:%2d:%2d", &hour, &minute, &second) != 3) {
            return std::nullopt;
        }
        if (text.back() != 'Z' && sscanf(text.c_str() + 19, "%c%2d", &sign, &zone_hour) != 2) {
            return std::nullopt;
        }
    }
    struct tm parts{};
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = day;
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_sec = second;
    return static_cast<double>(timegm(&parts) - (sign == '-' ? -1 : 1) * zone_hour * 3600);
}

string bits_of(unsigned value, int count) {
    string out;
    for (int i = count - 1; i >= 0; --i) out += (value >> i & 1) != 0 ? '1' : '0';
    return out;
}

// "0101…", 32 or 128 of them; empty for what is no address.
string address_bits(const string& text) {
    if (!has(text, ":")) {
        unsigned a = 0, b = 0, c = 0, d = 0;
        char rest = 0;
        if (sscanf(text.c_str(), "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) != 4) return "";
        if (a > 255 || b > 255 || c > 255 || d > 255) return "";
        return bits_of(a, 8) + bits_of(b, 8) + bits_of(c, 8) + bits_of(d, 8);
    }
    string front, back;
    string* side = &front;
    for (size_t i = 0; i < text.size();) {
        if (text.compare(i, 2, "::") == 0) {
            side = &back;
            i += 2;
            continue;
        }
        if (text[i] == ':') {
            ++i;
            continue;
        }
        const size_t end = std::min(text.find(':', i), text.size());
        const string group = text.substr(i, end - i);
        *side += has(group, ".")
                     ? address_bits(group)
                     : bits_of(static_cast<unsigned>(strtoul(group.c_str(), nullptr, 16)), 16);
        i = end;
    }
    return front + string(128 - front.size() - back.size(), '0') + back;
}

string unmapped(const string& bits) {
    const string prefix = string(80, '0') + string(16, '1');
    return bits.size() == 128 && bits.starts_with(prefix) ? bits.substr(96) : bits;
}

bool in_range(const string& range, const string& value) {
    const size_t slash = range.find('/');
    string first = address_bits(range.substr(0, slash));
    size_t length = slash == string::npos ? first.size() : stoul(range.substr(slash + 1));
    if (first.size() == 128 && length >= 96 && unmapped(first).size() == 32) {
        first = unmapped(first);
        length -= 96;
    }
    const string address = unmapped(address_bits(value));
    return address.size() == first.size() && address.substr(0, length) == first.substr(0, length);
}

string from_base64(const string& text) {
    const string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    string bits, out;
    for (const char c : text) {
        if (c != '=') bits += bits_of(static_cast<unsigned>(digits.find(c)), 6);
    }
    for (size_t i = 0; i + 8 <= bits.size(); i += 8) {
        out += static_cast<char>(stoul(bits.substr(i, 8), nullptr, 2));
    }
    return out;
}

// --- conditions

bool compare(const string& how, double left, double right) {
    if (how == "LessThan") return left < right;
    if (how == "LessThanEquals") return left <= right;
    if (how == "GreaterThan") return left > right;
    if (how == "GreaterThanEquals") return left >= right;
    return left == right;
}

// One value of the request and one of the policy; `op` has lost its "Not".
Answer fits(const string& op, const string& policy, const string& value, bool variables,
            const Request& request) {
    const auto answer = [](bool yes) { return yes ? Answer::yes : Answer::no; };
    if (op == "StringEquals") return like(policy, value, {false, variables}, request);
    if (op == "StringLike") return like(policy, value, {true, variables}, request);
    if (op == "StringEqualsIgnoreCase") {
        const auto expanded = expand(policy, {false, variables}, request);
        if (!expanded) return Answer::unknown;
        string whole;
        for (const string& c : *expanded) whole += c;
        return answer(small(whole) == small(value));
    }
    if (op == "ArnEquals" || op == "ArnLike") return arn_like(policy, value, variables, request);
    if (op == "Bool") {
        return answer(small(policy) == small(value));
    }
    if (op == "IpAddress") return answer(in_range(policy, value));
    if (op == "BinaryEquals") return answer(from_base64(policy) == value);
    const bool date = op.starts_with("Date");
    const auto left = date ? instant(value) : number(value);
    const auto right = date ? instant(policy) : number(policy);
    if (!left || !right) return Answer::no;
    return answer(compare(op.substr(date ? 4 : 7), *left, *right));
}

// Whether one value of the request is as the operator wants it.
bool satisfied(const string& op, bool negated, const Strings& policy, const string& value,
               bool variables, bool allow, const Request& request) {
    bool some = false;
    bool unknown = false;
    for (const string& one : policy) {
        const Answer answer = fits(op, one, value, variables, request);
        if (answer == Answer::yes) some = true;
        if (answer == Answer::unknown) unknown = true;
    }
    if (!negated) return some;
    if (some) return false;
    return !(unknown && allow);
}

bool condition_holds(string op, const string& key, const Strings& policy, bool variables,
                     bool allow, const Request& request) {
    const auto found = request.context.find(small(key));
    const Strings values = found == request.context.end() ? Strings() : found->second;
    size_t filled = 0;
    for (const string& value : values) {
        if (!value.empty()) ++filled;
    }
    if (op == "Null") {
        for (const string& one : policy) {
            if ((small(one) == "true") == (filled == 0)) return true;
        }
        return false;
    }
    string set;
    if (const size_t colon = op.find(':'); colon != string::npos) {
        set = op.substr(0, colon);
        op = op.substr(colon + 1);
    }
    const bool if_exists = op.ends_with("IfExists");
    if (if_exists) op = op.substr(0, op.size() - 8);
    const size_t no = op.find("Not");
    const bool negated = no != string::npos;
    if (negated) op = op.substr(0, no) + op.substr(no + 3);

    const auto good = [&](const string& value) {
        return satisfied(op, negated, policy, value, variables, allow, request);
    };
    size_t count = 0;
    for (const string& value : values) {
        if (good(value)) ++count;
    }
    if (set == "ForAllValues") return filled == 0 || count == values.size();
    if (set == "ForAnyValue") return filled > 0 && count > 0;
    if (values.empty()) return negated || if_exists;
    return count > 0;
}

// --- statements

bool action_named(const Strings& patterns, const Request& request) {
    for (const string& pattern : patterns) {
        if (like(small(pattern), small(request.action), {true, false}, request) == Answer::yes) {
            return true;
        }
    }
    return false;
}

Answer resource_named(const Strings& patterns, bool variables, const Request& request) {
    const string& service = request.service;
    const bool known = service == "tables" || service == "s3" || service == "graphs" ||
                       service == "relational" || service == "tenant" || service == "node";
    Answer answer = Answer::no;
    for (const string& pattern : patterns) {
        if (pattern == "*") return Answer::yes;
        if (!known) continue;
        Answer one = Answer::no;
        if (pattern.starts_with("arn:")) {
            const string arn = string("arn:") + (service == "s3" ? "aws" : "insula") + ":" +
                               service + ":::" + request.path;
            one = arn_like(pattern, arn, variables, request);
        } else if (service != "s3") {
            one = like(pattern, request.path, {true, variables}, request);
        }
        if (one == Answer::yes) return one;
        if (one == Answer::unknown) answer = one;
    }
    return answer;
}

bool principal_named(const JsonValue& principal, const Request& request) {
    if (principal.is_string()) return true;
    for (string name : texts_of(*principal.find("AWS"))) {
        if (name == "*") return true;
        if (name.starts_with("arn:")) name = arn_parts(name, false)[5];
        if (!has(name, "/")) name.insert(0, "user/");
        if (name == request.principal) return true;
    }
    return false;
}

bool all_conditions_hold(const JsonValue& conditions, bool variables, bool allow,
                         const Request& request) {
    for (const auto& [op, keys] : conditions.object()) {
        for (const auto& [key, values] : keys.object()) {
            if (!condition_holds(op, key, texts_of(values), variables, allow, request)) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace

std::vector<JsonValue> statements_of(const JsonValue& document) {
    const JsonValue& statement = *document.find("Statement");
    if (!statement.is_array()) return {statement};
    return {statement.array().begin(), statement.array().end()};
}

bool applies(const NamedPolicy& policy, const JsonValue& statement, const Request& request) {
    const JsonValue* version = policy.document.find("Version");
    const bool variables = version != nullptr && version->string() == "2012-10-17";
    const bool allow = statement.find("Effect")->string() == "Allow";
    if (policy.of_resource) {
        const JsonValue* principal = statement.find("Principal");
        if (principal != nullptr && !principal_named(*principal, request)) return false;
        const JsonValue* others = statement.find("NotPrincipal");
        if (others != nullptr && principal_named(*others, request)) return false;
    }
    if (const JsonValue* actions = statement.find("Action")) {
        if (!action_named(texts_of(*actions), request)) return false;
    } else if (action_named(texts_of(*statement.find("NotAction")), request)) {
        return false;
    }
    if (const JsonValue* resources = statement.find("Resource")) {
        if (resource_named(texts_of(*resources), variables, request) != Answer::yes) return false;
    } else {
        const Answer named =
            resource_named(texts_of(*statement.find("NotResource")), variables, request);
        if (named == Answer::yes || (named == Answer::unknown && allow)) return false;
    }
    const JsonValue* conditions = statement.find("Condition");
    return conditions == nullptr || all_conditions_hold(*conditions, variables, allow, request);
}

Verdict judge(const std::vector<NamedPolicy>& policies, const Request& request) {
    std::optional<Verdict> allowed;
    for (const NamedPolicy& policy : policies) {
        const auto statements = statements_of(policy.document);
        for (size_t i = 0; i < statements.size(); ++i) {
            if (!applies(policy, statements[i], request)) continue;
            if (statements[i].find("Effect")->string() == "Deny") {
                return {.reason = "explicit_deny", .policy = policy.name, .statement = i};
            }
            if (!allowed) {
                allowed = Verdict{.reason = "allowed", .policy = policy.name, .statement = i};
            }
        }
    }
    return allowed.value_or(Verdict());
}

}  // namespace insula::policy::reference
