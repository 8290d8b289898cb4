#include "stores/tables/tests/store_workload.h"

#include <fmt/format.h>

#include <algorithm>

namespace insula::tables::durability {

namespace {

constexpr uint64_t kSourceNames = 4;

}  // namespace

Wrong StoreWorkload::surprise(std::string_view what, const Error& error) {
    if (error.code() == Code::deadline_exceeded) return fmt::format("{} hung", what);
    ++coverage_.refused;
    if (excused_()) return std::nullopt;
    return fmt::format("{}: {}", what, error.describe());
}

Wrong StoreWorkload::step(TestNode& node) {
    ++coverage_.operations;
    clock_.advance(std::chrono::milliseconds(random_.below(50)));
    const uint64_t choice = random_.below(100);
    if (choice < 46) return write(node);
    if (choice < 56) return settle(node);
    if (choice < 63) return random_retry(node);
    if (choice < 65) return conflict(node);
    if (choice < 69) return add(node, fmt::format("s{}", random_.below(kSourceNames)));
    if (choice < 72) return remove(node);
    if (choice < 76) return check(node, Moment::running);
    if (!files_) return write(node);
    if (choice < 87) return flush(node);
    return choice < 93 ? restate(node) : maintain(node);
}

std::optional<uint64_t> StoreWorkload::random_life() {
    const uint64_t first = random_.below(kSourceNames);
    for (uint64_t i = 0; i < kSourceNames; ++i) {
        const auto life = model_.life_of(fmt::format("s{}", (first + i) % kSourceNames));
        if (life) return life;
    }
    return std::nullopt;
}

RecordIdempotency StoreWorkload::key_of(const BatchModel& batch) const {
    return {.key = batch.key(), .body_hash = batch.first_document + 1};
}

Wrong StoreWorkload::write(TestNode& node) {
    const std::string name = fmt::format("s{}", random_.below(kSourceNames));
    auto life = model_.life_of(name);
    if (!life) {
        if (random_.below(4) != 0) return add(node, name);
        life = model_.begin_life(name, true);  // by this write
    }
    static constexpr uint32_t kSizes[] = {1, 1, 1, 2, 5, 8};
    uint32_t documents = kSizes[random_.below(std::size(kSizes))];
    if (files_ && random_.below(20) == 0) documents = 40;  // too many for a record
    const size_t number = model_.begin_batch(*life, documents, random_.below(3) == 0);
    const BatchModel& batch = model_.batch(number);
    const auto outcome =
        node.write(name, batch.body(), batch.keyed ? std::optional(key_of(batch)) : std::nullopt);
    if (auto wrong = answer(node, number, outcome)) return wrong;
    if (outcome && outcome->duplicate) return "a first write was taken for a retry";
    return random_.below(2) == 0 ? settle(node) : std::nullopt;
}

Wrong StoreWorkload::answer(TestNode& node, size_t number, const Result<WriteOutcome>& outcome) {
    BatchModel& batch = model_.batch(number);
    SourceLife& life = model_.life(batch.life);
    // A write may add its source and fail itself.
    if (life.state == LifeState::maybe_added &&
        node.store().find(TestNode::tenant(), life.source_id)) {
        life.state = LifeState::living;
    }
    if (!outcome) return surprise("write", outcome.error());
    if (outcome->rows != batch.documents) {
        return fmt::format("a write of {} documents was answered with {}", batch.documents,
                           outcome->rows);
    }
    batch.state = BatchState::pending;
    batch.lsn = outcome->lsn;
    batch.after_removal = life.state == LifeState::maybe_removed && !outcome->duplicate;
    if (outcome->durable) model_.acknowledge(batch);
    coverage_.acknowledged += outcome->durable ? 1 : 0;
    coverage_.direct_writes += outcome->durable && !outcome->duplicate ? 1 : 0;
    return std::nullopt;
}

Wrong StoreWorkload::settle(TestNode& node) {
    const Status flushed = node.journal().flush();
    const auto pending = [this] {
        return static_cast<uint64_t>(
            std::ranges::count(model_.batches(), BatchState::pending, &BatchModel::state));
    };
    const uint64_t before = pending();
    // What is durable may be answered, whatever else failed.
    model_.acknowledge_below(node.journal().durable());
    coverage_.acknowledged += before - pending();
    if (!flushed) return surprise("sync of the journal", flushed.error());
    return std::nullopt;
}

std::optional<size_t> StoreWorkload::random_keyed() {
    std::vector<size_t> keyed;
    for (size_t number = 0; number < model_.batches().size(); ++number) {
        const BatchModel& batch = model_.batches()[number];
        if (!batch.keyed) continue;
        if (model_.life_of(model_.lives()[batch.life].source_id) == batch.life)
            keyed.push_back(number);
    }
    if (keyed.empty()) return std::nullopt;
    return keyed[random_.below(keyed.size())];
}

Wrong StoreWorkload::retry(TestNode& node, size_t number) {
    const BatchModel batch = model_.batch(number);
    // Should it fail now, it may be there later all the same.
    if (batch.state == BatchState::gone) model_.batch(number).state = BatchState::in_doubt;
    const auto outcome =
        node.write(model_.lives()[batch.life].source_id, batch.body(), key_of(batch));
    if (auto wrong = answer(node, number, outcome)) return wrong;
    if (!outcome) return std::nullopt;
    coverage_.duplicates += outcome->duplicate ? 1 : 0;
    const bool was_there =
        batch.state == BatchState::acknowledged || batch.state == BatchState::pending;
    if (was_there && !outcome->duplicate) return "a retry was applied again: " + batch.key();
    if (batch.state == BatchState::gone && outcome->duplicate) {
        return "a retry of what is not there was taken for done: " + batch.key();
    }
    // What had been acknowledged stays so, even if its answer names no durable position.
    if (batch.state == BatchState::acknowledged)
        model_.batch(number).state = BatchState::acknowledged;
    return std::nullopt;
}

Wrong StoreWorkload::random_retry(TestNode& node) {
    const auto number = random_keyed();
    return number ? retry(node, *number) : write(node);
}

Wrong StoreWorkload::retry_all(TestNode& node) {
    for (size_t number = 0; number < model_.batches().size(); ++number) {
        const BatchModel& batch = model_.batches()[number];
        if (!batch.keyed || model_.life_of(model_.lives()[batch.life].source_id) != batch.life)
            continue;
        if (auto wrong = retry(node, number)) return wrong;
    }
    return settle(node);
}

Wrong StoreWorkload::conflict(TestNode& node) {
    const auto number = random_keyed();
    if (!number) return write(node);
    const BatchModel& batch = model_.batch(*number);
    if (batch.state != BatchState::acknowledged) return std::nullopt;
    RecordIdempotency key = key_of(batch);
    ++key.body_hash;
    const auto outcome = node.write(model_.lives()[batch.life].source_id, batch.body(), key);
    if (outcome) return "a key was taken with another body: " + batch.key();
    if (outcome.error().reason() == "idempotency_conflict") return std::nullopt;
    return surprise("conflicting write", outcome.error());
}

Wrong StoreWorkload::add(TestNode& node, std::string source_id) {
    if (model_.life_of(source_id)) return write(node);
    AddSourceRequest request{.source_id = source_id};
    request.options.wal_enabled = !files_ || random_.below(6) != 0;
    if (random_.below(3) == 0)
        request.schema = {{"v", ColumnType::float64}, {"n.b", ColumnType::string}};
    // Flushes and direct writes of several files.
    if (random_.below(4) != 0) request.options.partition_columns = {"k", "yes"};
    if (random_.below(3) == 0) request.options.index_columns = {"s"};
    const uint64_t life = model_.begin_life(std::move(source_id), request.options.wal_enabled);
    const auto added = node.store().add_source(TestNode::tenant(), request);
    if (!added) return surprise("add source", added.error());
    model_.life(life).state = LifeState::living;
    return std::nullopt;
}

Wrong StoreWorkload::remove(TestNode& node) {
    const auto life = random_life();
    if (!life) return std::nullopt;
    SourceLife& source = model_.life(*life);
    source.state = LifeState::maybe_removed;
    const Status removed = node.store().remove_source(TestNode::tenant(), source.source_id);
    if (!removed) return surprise("remove source", removed.error());
    source.state = LifeState::removed;
    ++coverage_.removals;
    for (size_t number = 0; number < model_.batches().size(); ++number) {
        if (model_.batch(number).life == *life) model_.batch(number).state = BatchState::gone;
    }
    return std::nullopt;
}

Wrong StoreWorkload::flush(TestNode& node) {
    const auto life = random_life();
    if (!life) return std::nullopt;
    const std::string& source_id = model_.life(*life).source_id;
    const auto files = [&] {
        const auto source = node.store().find(TestNode::tenant(), source_id);
        return source ? (*source)->stats().files : 0;
    };
    const uint64_t before = files();
    const auto flushed = node.flush(source_id);
    // A flush waits for its records: others are durable with them.
    model_.acknowledge_below(node.journal().durable());
    if (!flushed) return surprise("flush", flushed.error());
    coverage_.flushes += *flushed ? 1 : 0;
    coverage_.split_flushes += files() > before + 1 ? 1 : 0;
    return std::nullopt;
}

Wrong StoreWorkload::restate(TestNode& node) {
    const auto life = random_life();
    if (!life) return std::nullopt;
    const auto source = node.store().find(TestNode::tenant(), model_.life(*life).source_id);
    if (!source) return surprise("find", source.error());
    const auto restated = (*source)->restate();
    model_.acknowledge_below(node.journal().durable());
    if (!restated) return surprise("restate", restated.error());
    coverage_.restatements += *restated ? 1 : 0;
    return std::nullopt;
}

Wrong StoreWorkload::maintain(TestNode& node) {
    constexpr std::chrono::minutes kBeyondGrace{20};
    if (random_.below(4) == 0) clock_.advance(kBeyondGrace);
    const uint64_t restatements = node.store().restatements();
    node.store().maintain();
    coverage_.restatements += node.store().restatements() - restatements;
    model_.acknowledge_below(node.journal().durable());
    if (node.store().flush_failures() > 0 && !excused_()) return "a flush in the background failed";
    return std::nullopt;
}

Wrong StoreWorkload::check(TestNode& node, Moment moment) {
    const auto found = node.read_all();
    if (!found) return surprise("read", found.error());
    if (auto wrong = model_.check(*found, moment)) return wrong;
    if (moment == Moment::running) return std::nullopt;
    const auto files = node.wrong_files();
    if (!files) return surprise("list files", files.error());
    return *files;
}

}  // namespace insula::tables::durability
