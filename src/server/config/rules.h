// Rules that table entries point to: sizes for "auto", values that are refused, values that are
// warned about.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "platform/runtime/machine.h"
#include "server/config/key.h"

namespace insula::config::rules {

inline constexpr std::string_view kLoopback = "127.0.0.1";

// "auto"
uint64_t cores(const Machine& machine);           // 1 to 64
uint64_t twice_cores(const Machine& machine);     // 4 to 128
uint64_t sixty_fourth(const Machine& machine);    // of memory: 16 MiB to 128 MiB
uint64_t sixteenth(const Machine& machine);       // 64 MiB to 4 GiB
uint64_t eighth(const Machine& machine);          // 128 MiB to 8 GiB
uint64_t eighth_or_more(const Machine& machine);  // 384 MiB to 8 GiB
uint64_t quarter(const Machine& machine);         // 128 MiB to 64 GiB

bool is_loopback(std::string_view host);

Status slug_or_uuid(const Value& value);
Status display_name(const Value& value);
Status host_name(const Value& value);
Status log_level(const Value& value);
Status connection_url(const Value& value);
Status schema_name(const Value& value);
Status networks(const Value& value);
Status web_origins(const Value& value);
Status header_names(const Value& value);
Status absolute_paths(const Value& value);
Status not_the_published_user(const Value& value);
Status not_the_published_password(const Value& value);
Status not_md5(const Value& value);

std::string_view caution_insecure(const Value& value);
std::string_view caution_tenant(const Value& value);
std::string_view caution_any_origin(const Value& value);
std::string_view caution_any_header(const Value& value);
std::string_view caution_last_write_wins(const Value& value);

}  // namespace insula::config::rules
