#include "platform/engine/parquet_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_set>

#include "base/units.h"
#include "platform/engine/paths.h"

namespace insula::engine {

namespace {

constexpr uint32_t kRowIdFieldId = 2147483647;
constexpr uint64_t kFooterBytesMax = 16 * kMiB;
constexpr size_t kMagicBytes = 4;
constexpr size_t kTrailerBytes = 8;  // footer length, magic

std::string doubled(std::string_view text, char quote) {
    std::string result(1, quote);
    for (const char c : text) {
        result.push_back(c);
        if (c == quote) result.push_back(c);
    }
    result.push_back(quote);
    return result;
}

std::string_view compression_name(ParquetOptions::Compression compression) {
    using enum ParquetOptions::Compression;
    switch (compression) {
        case none:
            return "uncompressed";
        case snappy:
            return "snappy";
        case lz4:
            return "lz4_raw";
        case gzip:
            return "gzip";
        case zstd:
            break;
    }
    return "zstd";
}

// The engine takes names that differ only by the case of ASCII letters for one name.
std::string distinct_name(const ScanColumn& column, std::unordered_set<std::string>& taken) {
    std::string name = column.name;
    for (;;) {
        std::string key = name;
        std::ranges::transform(key, key.begin(), [](unsigned char c) {
            return static_cast<char>(c < 128 ? std::tolower(c) : c);
        });
        if (!key.empty() && taken.insert(key).second) return name;
        name += fmt::format("_{}", column.id.value);
    }
}

Result<std::string> order_by(const Scan& scan, const ParquetOptions& options) {
    if (options.sort_by.empty()) return std::string();
    std::string order = " ORDER BY ";
    for (const std::string& name : options.sort_by) {
        const auto at = std::ranges::find(scan.columns, name, &ScanColumn::name);
        if (at == scan.columns.end()) {
            return fail(internal_error("sort_by names no column of the scan: " + name));
        }
        order += fmt::format("c{} ASC NULLS FIRST, ", at - scan.columns.begin());
    }
    return order + "_row_id";
}

Error malformed(std::string message) {
    return invalid_argument("malformed_parquet", std::move(message))
        .with_hint("Send the bytes of one complete Parquet file.");
}

}  // namespace

std::string quote_name(std::string_view name) { return doubled(name, '"'); }
std::string quote_text(std::string_view text) { return doubled(text, '\''); }

Result<std::string> write_parquet_sql(Scan& scan, const ParquetOptions& options) {
    ASSIGN_OR_RETURN(const std::string order, order_by(scan, options));
    std::unordered_set<std::string> taken{"_row_id"};
    std::string names;
    std::string ids;
    for (size_t i = 0; i < scan.columns.size(); ++i) {
        ScanColumn& column = scan.columns[i];
        if (column.id.value == 0 || column.id.value >= kRowIdFieldId) {
            return fail(internal_error("a column id does not fit a Parquet field id"));
        }
        const std::string name = distinct_name(column, taken);
        names += fmt::format("c{} AS {}, ", i, quote_name(name));
        ids += fmt::format("{}: {}, ", quote_text(name), column.id.value);
        column.name = fmt::format("c{}", i);
    }
    std::string sql = fmt::format(
        "COPY (SELECT {}_row_id FROM scan_0{}) TO '{}' (FORMAT parquet, COMPRESSION '{}', "
        "ROW_GROUP_SIZE {}, USE_TMP_FILE false, FIELD_IDS {{{}'_row_id': {}}}",
        names, order, kOutputPath, compression_name(options.compression), options.row_group_rows,
        ids, kRowIdFieldId);
    if (options.compression == ParquetOptions::Compression::zstd) {
        sql += fmt::format(", COMPRESSION_LEVEL {}", options.zstd_level);
    }
    return sql + ")";
}

Status check_parquet_frame(ReadableFile& file) {
    const uint64_t size = file.size();
    if (size < kMagicBytes + kTrailerBytes) {
        return fail(malformed("The body is too short to be a Parquet file."));
    }
    std::array<std::byte, kMagicBytes + kTrailerBytes> frame{};
    const auto read = [&](size_t at, size_t count, uint64_t offset) -> Status {
        for (size_t done = 0; done < count;) {
            ASSIGN_OR_RETURN(
                const size_t got,
                file.read_at(MutableBytes(frame).subspan(at + done, count - done), offset + done));
            if (got == 0) return fail(internal_error("a client's file ends too early"));
            done += got;
        }
        return {};
    };
    RETURN_IF_ERROR(read(0, kMagicBytes, 0));
    RETURN_IF_ERROR(read(kMagicBytes, kTrailerBytes, size - kTrailerBytes));
    const std::string_view text = as_text(frame);
    if (text.ends_with("PARE")) {
        return fail(malformed("The Parquet file is encrypted, which is not supported."));
    }
    if (!text.starts_with("PAR1")) {
        return fail(malformed("The body is not a Parquet file: it does not begin with PAR1."));
    }
    if (!text.ends_with("PAR1")) {
        return fail(malformed("The Parquet file is cut off: it does not end with PAR1."));
    }
    uint32_t footer = 0;
    std::memcpy(&footer, frame.data() + kMagicBytes, sizeof footer);
    if (footer == 0 || footer > size - kMagicBytes - kTrailerBytes) {
        return fail(malformed("The Parquet file is damaged: its footer does not fit into it."));
    }
    if (footer > kFooterBytesMax) {
        return fail(malformed(fmt::format("The Parquet file's footer is over the limit of {} MiB.",
                                          kFooterBytesMax / kMiB)));
    }
    return {};
}

}  // namespace insula::engine
