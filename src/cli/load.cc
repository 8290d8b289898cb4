#include "cli/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "cli/batch_splitter.h"
#include "cli/csv_look.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "platform/json/json_value.h"

namespace insula::cli {

namespace {

using std::chrono::milliseconds;

constexpr size_t kWholeBytesMax = 1 * kGiB;
// Beside the source's name; the server takes a target of 8 KiB.
constexpr size_t kDeclarationBytesMax = 6 * kKiB;
// A server that is restarted is back within this time: 0.25 s and then twice as long each time.
constexpr int kAttemptsMax = 8;
constexpr milliseconds kFirstPause{250};
constexpr milliseconds kPauseMax{5'000};

struct FileEnding {
    std::string_view ending;
    InputFormat format;
};
constexpr std::array kEndings{
    FileEnding{".ndjson", InputFormat::ndjson}, FileEnding{".jsonl", InputFormat::ndjson},
    FileEnding{".json", InputFormat::json},     FileEnding{".csv", InputFormat::csv},
    FileEnding{".tsv", InputFormat::tsv},       FileEnding{".parquet", InputFormat::parquet}};

std::string_view content_type(InputFormat format) {
    switch (format) {
        case InputFormat::json:
            return "application/json";
        case InputFormat::ndjson:
            return "application/x-ndjson";
        case InputFormat::csv:
            return "text/csv";
        case InputFormat::tsv:
            return "text/tab-separated-values";
        case InputFormat::parquet:
            return "application/vnd.apache.parquet";
    }
    return "application/json";
}

// Failures that say nothing about the request: the same one may succeed in a moment. Where nobody
// has ever answered at the address it is more likely wrong.
bool is_passing(const Error& error, bool answered_before) {
    const std::string_view reason = error.reason();
    if (reason == "connection_lost" || reason == "server_timeout") return true;
    return answered_before && (reason == "connection_refused" || reason == "cannot_connect");
}

bool is_passing(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

milliseconds pause_before(int attempt, const net::ClientResponse* response) {
    milliseconds pause = std::min(kPauseMax, kFirstPause * (1 << (attempt - 1)));
    if (response == nullptr) return pause;
    int seconds = 0;
    const std::string_view asked = response->header("retry-after").value_or("");
    std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
    return std::clamp<milliseconds>(std::chrono::seconds(seconds), pause, kPauseMax);
}

uint64_t count_of(const json::JsonValue& answer, std::string_view name) {
    const json::JsonValue* value = answer.find(name);
    if (value == nullptr || value->kind() != json::JsonValue::Kind::int64) return 0;
    return static_cast<uint64_t>(value->int64());
}

class Loader {
  public:
    Loader(ServerConnection& server, const LoadOptions& options, LoadResult& result)
        : server_(server), options_(options), result_(result) {}

    // "NAME:TYPE" of columns that each body is sent with.
    Status declare(const std::vector<std::string>& columns) {
        declared_.clear();
        for (const std::string& column : columns) {
            declared_ += "&column=" + net::percent_encode(column);
        }
        if (declared_.size() <= kDeclarationBytesMax) return {};
        return fail(invalid_argument("too_many_mixed_columns",
                                     std::to_string(columns.size()) +
                                         " columns hold numbers in some rows and text in others, "
                                         "more than a request can declare.")
                        .with_hint("Declare them first: insula source add " + options_.source +
                                   " --column \"" + columns.front() + "\" …"));
    }

    // Sends one body and counts what became of it.
    Status send(std::string_view body) {
        const std::string key = options_.key + "." + std::to_string(++number_);
        ASSIGN_OR_RETURN(const net::ClientResponse response, send_until_answered(body, key));
        if (response.status != 200) return fail(answer_error(response));
        ASSIGN_OR_RETURN(const json::JsonValue answer,
                         json::JsonValue::parse(response.body, {.subject = "server's answer"}));
        const json::JsonValue* duplicate = answer.find("duplicate");
        result_.rows += count_of(answer, "rows");
        ++result_.batches;
        if (duplicate != nullptr && *duplicate == json::JsonValue(true))
            ++result_.duplicate_batches;
        return {};
    }

  private:
    net::ClientRequest request(std::string_view body, const std::string& key) const {
        net::ClientRequest request;
        request.method = net::Method::post;
        request.target =
            "/data/write?source_id=" + net::percent_encode(options_.source) + declared_;
        request.headers = {{"Content-Type", std::string(content_type(options_.format))},
                           {"Idempotency-Key", key}};
        request.body = body;
        return request;
    }

    Result<net::ClientResponse> send_until_answered(std::string_view body, const std::string& key) {
        for (int attempt = 1;; ++attempt) {
            auto response = server_.exchange(request(body, key));
            const bool passing =
                response ? is_passing(response->status) : is_passing(response.error(), answered_);
            answered_ = answered_ || response || passing;
            if (!passing || attempt == kAttemptsMax) return response;
            const Error cause = response ? answer_error(*response) : response.error();
            remark("insula: " + std::string(cause.message()) + " Trying again.");
            std::this_thread::sleep_for(pause_before(attempt, response ? &*response : nullptr));
        }
    }

    ServerConnection& server_;
    const LoadOptions& options_;
    LoadResult& result_;
    std::string declared_;
    uint64_t number_ = 0;
    bool answered_ = false;
};

// A refusal of what was sent, with the place of it; other failures are not about the place.
Error refusal(const Error& error, const std::string& where) {
    if (error.code() != Code::invalid_argument) return error;
    Error placed(error.code(), error.reason(), where + ": " + std::string(error.message()));
    if (!error.hint().empty()) placed = placed.with_hint(std::string(error.hint()));
    return error.detail().empty() ? placed : placed.with_detail(error.detail());
}

Status load_whole(Loader& loader, InputFile& input, LoadResult& result) {
    ASSIGN_OR_RETURN(const std::string body, input.read_all(kWholeBytesMax));
    if (Status sent = loader.send(body); !sent) return fail(refusal(sent.error(), input.name()));
    result.bytes = body.size();
    return {};
}

void warn_of_late_columns(const std::string& input, const LoadOptions& options,
                          const std::vector<std::string>& declared,
                          const std::vector<std::string>& found) {
    for (const std::string& column : found) {
        if (std::ranges::find(declared, column) != declared.end()) continue;
        warn(fmt::format(
            "insula: {}: later rows make {} of a column whose first rows looked otherwise; where "
            "they differ it reads as null. Write from a file, or first: insula source add {} "
            "--column \"{}\"",
            input, column, options.source, column));
    }
}

class BatchLoad {
  public:
    BatchLoad(Loader& loader, InputFile& input, const LoadOptions& options, Progress& progress,
              LoadResult& result)
        : loader_(loader),
          pieces_(input),
          options_(options),
          progress_(progress),
          result_(result),
          columns_(options.format == InputFormat::tsv ? '\t' : ',') {}

    Status run() {
        const bool csv = options_.format != InputFormat::ndjson;
        if (csv) {
            ASSIGN_OR_RETURN(unseen_rows_,
                             look_at_columns(pieces_, options_.batch_bytes, columns_));
        }
        const std::vector<std::string> declared = columns_.declarations();
        RETURN_IF_ERROR(loader_.declare(declared));
        BatchSplitter splitter(csv ? RecordFormat::csv : RecordFormat::ndjson,
                               options_.batch_bytes);
        for (bool more = true; more;) {
            ASSIGN_OR_RETURN(const std::string_view piece, pieces_.next());
            more = !piece.empty();
            if (more) {
                splitter.append(piece);
            } else {
                splitter.finish();
            }
            RETURN_IF_ERROR(send_batches(splitter));
        }
        warn_of_late_columns(pieces_.input().name(), options_, declared, columns_.declarations());
        return {};
    }

  private:
    Status send_batches(BatchSplitter& splitter) {
        for (;;) {
            ASSIGN_OR_RETURN(const std::optional<Batch> batch, splitter.next());
            if (!batch) return {};
            if (unseen_rows_) columns_.add(batch->body);
            if (Status sent = loader_.send(batch->body); !sent) {
                return fail(refusal(sent.error(), pieces_.input().name() + ", the batch of bytes " +
                                                      std::to_string(batch->begin) + " to " +
                                                      std::to_string(batch->end)));
            }
            result_.bytes = batch->end;
            progress_.update(result_.bytes, result_.rows);
        }
    }

    Loader& loader_;
    InputPieces pieces_;
    const LoadOptions& options_;
    Progress& progress_;
    LoadResult& result_;
    CsvColumns columns_;
    bool unseen_rows_ = false;  // of a pipe, behind those that were looked at
};

}  // namespace

Result<InputFormat> format_of_file(const std::string& path) {
    for (const FileEnding& known : kEndings) {
        if (path.ends_with(known.ending)) return known.format;
    }
    return fail(
        usage_error("The ending of " + path + " does not tell its format.")
            .with_hint("Endings: .ndjson .jsonl .json .csv .tsv .parquet; or say --format."));
}

Status load(ServerConnection& server, InputFile& input, const LoadOptions& options,
            LoadResult& result) {
    Progress progress(options.progress, input.name(), input.size());
    Loader loader(server, options, result);
    const bool whole =
        options.format == InputFormat::json || options.format == InputFormat::parquet;
    Status loaded = whole ? load_whole(loader, input, result)
                          : BatchLoad(loader, input, options, progress, result).run();
    result.seconds = progress.seconds();
    if (!loaded) return loaded;
    progress.update(result.bytes, result.rows);
    progress.finish();
    return {};
}

}  // namespace insula::cli
