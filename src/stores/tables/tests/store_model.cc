#include "stores/tables/tests/store_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace insula::tables::durability {

std::string BatchModel::body() const {
    if (documents == 1) return document(first_document, life).text();
    std::string text = "[";
    for (uint32_t i = 0; i < documents; ++i) {
        if (i > 0) text += ",";
        text += document(first_document + i, life).text();
    }
    return text + "]";
}

uint64_t StoreModel::begin_life(std::string source_id, bool wal_enabled) {
    lives_.push_back({.source_id = std::move(source_id), .wal_enabled = wal_enabled});
    return lives_.size() - 1;
}

size_t StoreModel::begin_batch(uint64_t life, uint32_t documents, bool keyed) {
    batches_.push_back({.first_document = batch_of_document_.size(),
                        .documents = documents,
                        .life = life,
                        .keyed = keyed});
    batch_of_document_.insert(batch_of_document_.end(), documents, batches_.size() - 1);
    return batches_.size() - 1;
}

std::optional<uint64_t> StoreModel::life_of(std::string_view source_id) const {
    for (uint64_t number = lives_.size(); number-- > 0;) {
        const SourceLife& life = lives_[number];
        const bool there =
            life.state == LifeState::living || life.state == LifeState::maybe_removed;
        if (there && life.source_id == source_id) return number;
    }
    return std::nullopt;
}

void StoreModel::acknowledge(BatchModel& batch) {
    batch.state = BatchState::acknowledged;
    if (batch.after_removal) lives_[batch.life].state = LifeState::living;
}

void StoreModel::acknowledge_below(Lsn durable) {
    for (BatchModel& batch : batches_) {
        if (batch.state == BatchState::pending && batch.lsn < durable) acknowledge(batch);
    }
}

void StoreModel::stopped() {
    for (BatchModel& batch : batches_) {
        if (batch.state == BatchState::pending) batch.state = BatchState::in_doubt;
    }
}

std::string StoreModel::describe(const BatchModel& batch) const {
    return fmt::format("{} documents from {} of \"{}\" (life {}{})", batch.documents,
                       batch.first_document, lives_[batch.life].source_id, batch.life,
                       lives_[batch.life].wal_enabled ? "" : ", no journal");
}

// Finds out which lives there are, and settles what was in doubt.
std::optional<std::string> StoreModel::check_sources(std::span<const FoundSource> found,
                                                     Moment moment) {
    std::unordered_set<std::string> ids;
    for (const FoundSource& source : found) ids.insert(source.source_id);
    for (const std::string& id : ids) {
        if (life_of(id)) continue;
        // The last try to add it may have worked after all.
        const auto last =
            std::ranges::find_if(lives_.rbegin(), lives_.rend(), [&](const SourceLife& life) {
                return life.source_id == id && life.state == LifeState::maybe_added;
            });
        if (last == lives_.rend())
            return fmt::format("source \"{}\" is there and was never added", id);
        if (moment == Moment::running)
            return fmt::format("source \"{}\" appeared without a restart", id);
        last->state = LifeState::living;
    }
    for (SourceLife& life : lives_) {
        const bool there = ids.contains(life.source_id);
        if (life.state == LifeState::living && !there) {
            return fmt::format("source \"{}\" is lost", life.source_id);
        }
        if (moment == Moment::running) continue;
        if (life.state == LifeState::maybe_added) life.state = LifeState::removed;
        if (life.state == LifeState::maybe_removed) {
            life.state = there ? LifeState::living : LifeState::removed;
        }
    }
    return std::nullopt;
}

std::optional<std::string> StoreModel::check_rows(const FoundSource& source, uint64_t life,
                                                  RowsByBatch& rows) const {
    std::unordered_set<uint64_t> row_ids;
    std::unordered_set<uint64_t> documents;
    for (const FoundRow& row : source.rows) {
        const auto place = [&] {
            return fmt::format("source \"{}\" row {}", source.source_id, row.row_id);
        };
        if (!row_ids.insert(row.row_id).second) return place() + ": two rows have this id";
        const auto id = number_of(row.leaves, "id");
        if (!id || *id >= batch_of_document_.size()) {
            return place() + ": no document of ours: " + text_of(row.leaves);
        }
        const size_t number = batch_of_document_[*id];
        const BatchModel& batch = batches_[number];
        if (batch.life != life) {
            return place() + fmt::format(": document {} belongs to {}", *id, describe(batch));
        }
        if (!documents.insert(*id).second)
            return place() + fmt::format(": document {} is doubled", *id);
        const Leaves& expected = expected_leaves(*id, life);
        if (row.leaves != expected) {
            return place() + fmt::format(": document {} is changed\n  is        {}\n  should be {}",
                                         *id, text_of(row.leaves), text_of(expected));
        }
        ++rows[number];
    }
    return std::nullopt;
}

std::optional<std::string> StoreModel::check_batch(size_t number, uint32_t rows, Moment moment) {
    BatchModel& batch = batches_[number];
    if (rows != 0 && rows != batch.documents) {
        return fmt::format("half a batch: {} rows of {}", rows, describe(batch));
    }
    switch (batch.state) {
        case BatchState::acknowledged:
            if (rows == 0) return "acknowledged and lost: " + describe(batch);
            return std::nullopt;
        case BatchState::pending:
            if (rows != 0 && moment == Moment::running) {
                return "seen before it was durable: " + describe(batch);
            }
            break;
        case BatchState::gone:
            if (rows != 0) return "it was not there and came back: " + describe(batch);
            return std::nullopt;
        case BatchState::in_doubt:
            break;
    }
    if (moment == Moment::restarted)
        batch.state = rows == 0 ? BatchState::gone : BatchState::acknowledged;
    return std::nullopt;
}

std::optional<std::string> StoreModel::check(std::span<const FoundSource> found, Moment moment) {
    if (auto wrong = check_sources(found, moment)) return wrong;
    RowsByBatch rows;
    std::unordered_set<uint64_t> lives;
    for (const FoundSource& source : found) {
        const uint64_t life = *life_of(source.source_id);
        lives.insert(life);
        if (auto wrong = check_rows(source, life, rows)) return wrong;
    }
    for (size_t number = 0; number < batches_.size(); ++number) {
        const uint64_t life = batches_[number].life;
        if (lives_[life].state == LifeState::removed) batches_[number].state = BatchState::gone;
        if (!lives.contains(life)) continue;
        const auto at = rows.find(number);
        if (auto wrong = check_batch(number, at == rows.end() ? 0 : at->second, moment))
            return wrong;
    }
    return std::nullopt;
}

}  // namespace insula::tables::durability
