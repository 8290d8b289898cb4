// The journal's contents as JSON and as text.
#pragma once

#include <string>

#include "cli/table.h"
#include "platform/json/json_writer.h"
#include "server/offline/journal_report.h"

namespace insula::cli {

void write_record(json::JsonWriter& writer, const server::JournalRecord& record);
void write_damage(json::JsonWriter& writer, const journal::Damage& damage);
// "streams", "damage" and "torn_tails", as members of an open object.
void write_report(json::JsonWriter& writer, const server::JournalReport& report);

std::vector<std::string> record_columns();
Row record_row(const server::JournalRecord& record);
// Streams and segments as a table, damage a line each.
std::string report_text(const server::JournalReport& report);
// "journal/…/00000001.seg: offset 5000 (position 67113864): no record header, but …"
std::string damage_text(const journal::Damage& damage);

void write_salvage(json::JsonWriter& writer, const server::SalvageReport& report);
std::string salvage_text(const server::SalvageReport& report, const std::string& data_dir);

}  // namespace insula::cli
