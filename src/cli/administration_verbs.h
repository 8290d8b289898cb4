// What `insula tenant|plan|user|service-account|key|token|role|policy|grant VERB` asks the server
// for, as data: each verb is one request whose answer is shown as a table. Constants.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "platform/net/http.h"

namespace insula::cli {

// How an option's text becomes a value of the request's body.
enum class OptionKind : uint8_t {
    text,
    texts,  // repeated, or with commas: an array
    number,
    flag,      // true where it is given
    limits,    // repeated "NAME=VALUE": an object
    pairs,     // the same, of texts
    file,      // the option names a file whose content is the value
    secret,    // the same, of text without the end of its line: nothing that others see in `ps`
    document,  // the option names a file whose content is the body; "-" is standard input
};

struct VerbOption {
    std::string_view flag;  // "--role"
    std::string_view key;   // "roles": of the body
    OptionKind kind;
    std::string_view help;
    bool required = false;
};

struct Verb {
    std::string_view name;
    std::string_view alias;  // empty: none
    std::string_view help;
    net::Method method;
    std::string_view path;      // "/v1/users/{name}": {name} is the argument, percent-encoded
    std::string_view argument;  // "NAME"; empty: there is none
    // Where the argument goes into the body rather than the path; empty: nowhere.
    std::string_view argument_key;
    std::span<const VerbOption> options;
    std::string_view list;  // the answer's member that is shown as rows; empty: the answer is one
    std::string_view examples;
};

struct Noun {
    std::string_view name;
    std::string_view help;
    std::span<const Verb> verbs;
    std::string_view examples;
};

std::span<const Noun> administration_nouns();

}  // namespace insula::cli
