// insula write: files or standard input become rows of a source.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/client_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/load.h"
#include "cli/output.h"
#include "platform/json/json_writer.h"
#include "platform/runtime/random.h"

namespace insula::cli {

namespace {

struct WriteArguments {
    ClientFlags client;
    std::string source;
    std::vector<std::string> files;
    std::string format;
    uint64_t batch_bytes = kBatchBytesDefault;
    std::string key;
    bool quiet = false;
};

struct Written {
    std::string input;
    LoadResult result;
};

Status check_arguments(WriteArguments& arguments) {
    if (arguments.batch_bytes < kBatchBytesMin || arguments.batch_bytes > kBatchBytesMax) {
        return fail(usage_error("--batch-bytes is from 1KiB to 256MiB."));
    }
    if (arguments.key.size() > kKeyBytesMax) {
        return fail(usage_error("--key has at most " + std::to_string(kKeyBytesMax) + " bytes."));
    }
    if (!arguments.files.empty()) return {};
    if (::isatty(STDIN_FILENO) != 0) {
        return fail(usage_error("There is nothing to write.")
                        .with_hint("Name files, or send rows to standard input."));
    }
    arguments.files.emplace_back("-");
    return {};
}

// Standard input has no name to tell its format: it is NDJSON unless --format says otherwise.
Result<InputFormat> input_format(const WriteArguments& arguments, const std::string& file) {
    static const std::map<std::string, InputFormat> formats{{"json", InputFormat::json},
                                                            {"ndjson", InputFormat::ndjson},
                                                            {"csv", InputFormat::csv},
                                                            {"tsv", InputFormat::tsv},
                                                            {"parquet", InputFormat::parquet}};
    if (!arguments.format.empty()) return formats.at(arguments.format);
    return file == "-" ? Result<InputFormat>(InputFormat::ndjson) : format_of_file(file);
}

Progress::Mode progress_mode(const WriteArguments& arguments) {
    if (arguments.quiet) return Progress::Mode::quiet;
    return error_is_terminal() ? Progress::Mode::terminal : Progress::Mode::lines;
}

void write_result(json::JsonWriter& writer, const LoadResult& result) {
    writer.key("rows").uint64(result.rows);
    writer.key("batches").uint64(result.batches);
    writer.key("duplicate_batches").uint64(result.duplicate_batches);
    writer.key("bytes").uint64(result.bytes);
    writer.key("seconds").float64(result.seconds);
}

std::string result_json(const WriteArguments& arguments, const std::vector<Written>& all) {
    LoadResult total;
    for (const Written& one : all) {
        total.rows += one.result.rows;
        total.batches += one.result.batches;
        total.duplicate_batches += one.result.duplicate_batches;
        total.bytes += one.result.bytes;
        total.seconds += one.result.seconds;
    }
    std::string text;
    json::JsonWriter writer(text);
    writer.begin_object().key("source_id").string(arguments.source);
    write_result(writer, total);
    writer.key("idempotency_key").string(arguments.key);
    writer.key("inputs").begin_array();
    for (const Written& one : all) {
        writer.begin_object().key("input").string(one.input);
        write_result(writer, one.result);
        writer.end_object();
    }
    writer.end_array().end_object();
    writer.finish();
    return text;
}

Table result_table(const WriteArguments& arguments, const std::vector<Written>& all) {
    TableBuilder builder;
    for (const Written& one : all) {
        builder.begin_row();
        builder.add("source_id", Cell::of_text(arguments.source));
        builder.add("input", Cell::of_text(one.input));
        builder.add("rows", Cell::of_count(one.result.rows));
        builder.add("batches", Cell::of_count(one.result.batches));
        builder.add("duplicates", Cell::of_count(one.result.duplicate_batches));
        builder.add("bytes", Cell::of_count(one.result.bytes));
        builder.add("seconds", {Cell::Kind::number, fmt::format("{:.2f}", one.result.seconds)});
    }
    return builder.table();
}

Status write_file(ServerConnection& server, const WriteArguments& arguments, size_t number,
                  const std::string& file, LoadResult& result) {
    ASSIGN_OR_RETURN(const InputFormat format, input_format(arguments, file));
    ASSIGN_OR_RETURN(InputFile input, InputFile::open(file));
    const LoadOptions options{.source = arguments.source,
                              .format = format,
                              .batch_bytes = arguments.batch_bytes,
                              .key = arguments.key + "." + std::to_string(number),
                              .progress = progress_mode(arguments)};
    RETURN_IF_ERROR(load(server, input, options, result));
    if (result.batches == 0) warn("insula: " + input.name() + " holds no rows.");
    return {};
}

Status write_all(ServerConnection& server, const WriteArguments& arguments,
                 std::vector<Written>& all) {
    for (const std::string& file : arguments.files) {
        // All of them are known before the first byte is sent.
        if (const auto format = input_format(arguments, file); !format) return fail(format.error());
    }
    for (const std::string& file : arguments.files) {
        all.push_back({.input = file, .result = {}});
        RETURN_IF_ERROR(write_file(server, arguments, all.size(), file, all.back().result));
    }
    return {};
}

Status run(WriteArguments& arguments) {
    RETURN_IF_ERROR(check_arguments(arguments));
    ASSIGN_OR_RETURN(ServerConnection server, arguments.client.connect());
    if (arguments.key.empty()) arguments.key = "cli-" + SystemRandom().uuid().to_string();
    std::vector<Written> all;
    Status written = write_all(server, arguments, all);
    if (!written) {
        uint64_t rows = 0;
        for (const Written& one : all) rows += one.result.rows;
        if (rows > 0) {
            warn("insula: " + std::to_string(rows) +
                 " rows were written before. The same command with --key " + arguments.key +
                 " goes on from there.");
        }
        return written;
    }
    return print_result(arguments.client.output(), result_table(arguments, all),
                        result_json(arguments, all));
}

}  // namespace

void add_write(CLI::App& root, Action& action) {
    CLI::App* command = root.add_subcommand("write", "Write files or standard input to a source");
    auto arguments = std::make_shared<WriteArguments>();
    command->add_option("source", arguments->source, "the source; created if it does not exist")
        ->required()
        ->type_name("SOURCE");
    command->add_option("file", arguments->files, "files; - or none: standard input")
        ->type_name("FILE");
    command
        ->add_option("--format", arguments->format,
                     "json, ndjson, csv, tsv or parquet (default: by the file's ending; ndjson for "
                     "standard input)")
        ->check(CLI::IsMember({"json", "ndjson", "csv", "tsv", "parquet"}))
        ->type_name("FORMAT");
    command
        ->add_option("--batch-bytes", arguments->batch_bytes,
                     "NDJSON, CSV and TSV are sent in batches of this size (default 8MiB)")
        ->transform(CLI::AsSizeValue(true).description(""))
        ->type_name("SIZE");
    command
        ->add_option("--key", arguments->key,
                     "idempotency key: a second run with the same key, input and batch size writes "
                     "only what is missing (default: a new one)")
        ->type_name("TEXT");
    command->add_flag("--quiet,-q", arguments->quiet, "no progress");
    arguments->client.add_to(*command);
    add_examples(
        *command,
        "  insula write orders orders.ndjson\n"
        "  insula write zipcodes zipcodes.csv --batch-bytes 1MiB\n"
        "  zcat events.csv.gz | insula write events --format csv\n"
        "  insula write orders day1.parquet day2.parquet --output json\n"
        "  insula write orders big.ndjson --key load-7     if it is interrupted, run it "
        "again\n"
        "\n"
        "A batch is all or nothing, and on disk when it is counted. The types of new CSV "
        "columns come from\n"
        "all rows (of a pipe, from the first 64 MiB); `insula source add` declares others.");
    command->callback([arguments, &action] {
        action = [arguments] { return client_exit_code(run(*arguments)); };
    });
}

}  // namespace insula::cli
