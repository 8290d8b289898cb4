#include "platform/journal/tests/crash_run.h"

#include <fmt/format.h>

#include <algorithm>

namespace insula::journal {

Options CrashRun::options() const {
    Options options = small_options();
    options.planted_fault = planted_fault_;
    options.retention = retention_;
    return options;
}

Retention CrashRun::random_retention() {
    if (random_.below(2) == 0) return {};
    return {.time = std::chrono::seconds(1 + random_.below(20)),
            .bytes_max = random_.below(5) * small_options().segment_bytes};
}

// What nothing needs is kept, but never more than was asked for.
std::optional<std::string> CrashRun::check_kept(const FaultyFileSystem& fs,
                                                const Journal& journal) {
    const Usage usage = journal.usage();
    if (usage.kept_segments > kept_segments_) {
        coverage_.kept_segments += usage.kept_segments - kept_segments_;
    } else {
        coverage_.given_up_segments += kept_segments_ - usage.kept_segments;
    }
    kept_segments_ = usage.kept_segments;
    if (fs.faults() > 0 || usage.kept_bytes <= retention_.bytes_max) return std::nullopt;
    return fmt::format("{} bytes are kept, {} may be", usage.kept_bytes, retention_.bytes_max);
}

FaultPlan CrashRun::random_plan() {
    if (random_.below(5) == 0) return {};
    static constexpr Fault kFaults[] = {Fault::io_error, Fault::late_io_error, Fault::short_write,
                                        Fault::disk_full};
    static constexpr StorageCall kCalls[] = {StorageCall::sync, StorageCall::write,
                                             StorageCall::sync_directory, StorageCall::rename};
    FaultPlan plan{.at_call = 1 + random_.below(250),
                   .fault = kFaults[random_.below(4)],
                   .from_then_on = random_.below(3) != 0,
                   .later_syncs_pretend = random_.below(2) == 0};
    if (random_.below(2) == 0) {
        plan.only = kCalls[random_.below(4)];
        plan.at_call = 1 + random_.below(60);
    }
    return plan;
}

std::optional<std::string> CrashRun::run() {
    for (int i = 1; i <= kStarts; ++i) {
        FaultyFileSystem fs(*disk_);
        fs.arm(i == kStarts ? FaultPlan{} : random_plan());
        if (auto wrong = start(fs, StreamId{static_cast<uint64_t>(i)})) {
            return fmt::format("start {}: {} (last fault: {})", i, *wrong, fs.last_fault());
        }
        coverage_.faults += fs.faults();
        if (random_.below(4) == 0) continue;
        disk_ = disk_->crash(random_);
        ++coverage_.power_cuts;
    }
    FaultyFileSystem fs(*disk_);
    return check_replay(fs);
}

std::optional<std::string> CrashRun::start(FaultyFileSystem& fs, StreamId stream) {
    if (auto wrong = check_replay(fs)) return wrong;
    if (fs.faults() > 0) return std::nullopt;
    auto journal = Journal::create(fs, clock_, "journal", stream, options());
    if (!journal) {
        if (fs.faults() > 0) return std::nullopt;
        return "create: " + journal.error().describe();
    }
    for (int i = 0; i < kOperationsMax; ++i) {
        clock_.advance(std::chrono::milliseconds(random_.below(500)));
        if (auto wrong = operate(fs, **journal)) return wrong;
        if (auto wrong = check_kept(fs, **journal)) return wrong;
    }
    if (random_.below(4) == 0) {
        const Status closed = (*journal)->close();
        if (!closed && fs.faults() == 0) return "close: " + closed.error().describe();
        stopped_cleanly_ = closed.has_value();
        coverage_.clean_stops += closed ? 1 : 0;
        if (auto wrong = acknowledge(**journal, closed.has_value())) return wrong;
    }
    if (auto wrong = acknowledge(**journal, false)) return wrong;
    const size_t told = told_.size();
    journal->reset();
    if (told_.size() != told) return "a waiter was told of success while the journal went away";
    told_.clear();
    return std::nullopt;
}

// All that was acknowledged is there, in order, once, unchanged; nothing else but what was appended
// and not refuted since. What replay has shown once counts as acknowledged from then on.
std::optional<std::string> CrashRun::check_replay(FaultyFileSystem& fs) {
    const auto found = replay_ids(fs, "journal", released_, planted_fault_);
    if (!found) {
        if (fs.faults() > 0) return std::nullopt;
        return "replay: " + found.error().describe();
    }
    coverage_.cut_tails += found->stats.cut_bytes > 0 ? 1 : 0;
    if (stopped_cleanly_ && !found->stats.clean_stop) return "the clean stop is not seen";
    stopped_cleanly_ = false;
    std::vector<Entry> kept;
    size_t next = 0;
    for (const Entry& entry : entries_) {
        if (entry.lsn < released_) continue;
        if (next < found->ids.size() && found->lsns[next] == entry.lsn &&
            found->ids[next] == entry.id) {
            kept.push_back({.id = entry.id, .lsn = entry.lsn, .acknowledged = true});
            ++next;
        } else if (entry.acknowledged) {
            return fmt::format("record {} at {}/{} was acknowledged and is lost", entry.id,
                               entry.lsn.stream.value, entry.lsn.position);
        }
    }
    if (next != found->ids.size()) {
        return fmt::format("record {} at {}/{} should not be there", found->ids[next],
                           found->lsns[next].stream.value, found->lsns[next].position);
    }
    entries_ = std::move(kept);
    return std::nullopt;
}

std::optional<std::string> CrashRun::operate(FaultyFileSystem& fs, Journal& journal) {
    const uint64_t choice = random_.below(100);
    if (choice < 65) return append(fs, journal);
    if (choice < 88) {
        // Often enough the end comes between the write of a span and its sync.
        if (random_.below(30) == 0 && fs.faults() == 0) {
            fs.arm({.at_call = 1 + random_.below(3),
                    .fault = random_.below(2) == 0 ? Fault::io_error : Fault::short_write,
                    .from_then_on = true});
        }
        const Status flushed = journal.flush();
        if (!flushed && fs.faults() == 0) return "flush: " + flushed.error().describe();
        return acknowledge(journal, flushed.has_value());
    }
    if (choice < 96) {
        release(journal);
        return std::nullopt;
    }
    const uint64_t before = disk_->list("journal")->size();
    const Status removed = journal.remove_streams_below(released_);
    if (!removed && fs.faults() == 0) return "remove streams: " + removed.error().describe();
    coverage_.removed_streams += before - disk_->list("journal")->size();
    return std::nullopt;
}

std::optional<std::string> CrashRun::append(FaultyFileSystem& fs, Journal& journal) {
    const uint64_t id = ++ids_;
    const uint64_t bytes =
        random_.below(20) == 0 ? small_options().record_bytes_max : random_.below(1500);
    const auto lsn = append_text(journal, body_of(id, bytes),
                                 Deadline::after(std::chrono::nanoseconds(0)), header_of(id));
    if (!lsn) {
        // All pending room may be taken: nobody else flushes.
        if (fs.faults() == 0 && lsn.error().code() != Code::deadline_exceeded) {
            return "append: " + lsn.error().describe();
        }
        return std::nullopt;
    }
    if (!entries_.empty() && *lsn <= entries_.back().lsn) return "positions do not grow";
    coverage_.sequence_max =
        std::max(coverage_.sequence_max,
                 static_cast<uint32_t>(lsn->position / small_options().segment_bytes));
    entries_.push_back({.id = id, .lsn = *lsn, .acknowledged = false});
    journal.on_durable(*lsn, [this, id](Status status) {
        if (status) told_.push_back(id);
    });
    return std::nullopt;
}

std::optional<std::string> CrashRun::acknowledge(Journal& journal, bool flushed) {
    for (Entry& entry : entries_) {
        const bool durable = entry.lsn < journal.durable();
        const bool told = std::find(told_.begin(), told_.end(), entry.id) != told_.end();
        if (flushed && !durable)
            return fmt::format("flushed, but record {} is not durable", entry.id);
        if (told && !durable)
            return fmt::format("record {} was acknowledged before it was durable", entry.id);
        coverage_.acknowledged += durable && !entry.acknowledged ? 1 : 0;
        entry.acknowledged = entry.acknowledged || durable;
    }
    return std::nullopt;
}

void CrashRun::release(Journal& journal) {
    std::vector<Lsn> choices{journal.durable()};
    for (const Entry& entry : entries_) {
        if (entry.acknowledged && entry.lsn >= released_) choices.push_back(entry.lsn);
    }
    if (choices.back() < released_) return;
    released_ = std::max(released_, choices[random_.below(choices.size())]);
    journal.release(released_);
}

}  // namespace insula::journal
