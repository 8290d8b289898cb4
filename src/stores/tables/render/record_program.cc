#include "stores/tables/render/record_program.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "stores/tables/render/value_text.h"

namespace insula::tables {

// A key: of a column, or of an object that holds others.
struct RecordProgram::Node {
    std::string_view key;
    const RenderColumn* column = nullptr;
    std::vector<Node> children;
    std::unordered_map<std::string_view, size_t> objects;  // children that are objects, by key

    Node& object(std::string_view name) {
        const auto [at, added] = objects.try_emplace(name, children.size());
        if (added) children.push_back({.key = name});
        return children[at->second];
    }
};

RecordProgram::RecordProgram(std::span<const RenderColumn> columns) {
    Node root;
    for (const RenderColumn& column : columns) {
        INSULA_CHECK(!column.path.empty() && column.path.size() < kDepthMax, "a column's path");
        Node* parent = &root;
        for (size_t i = 0; i + 1 < column.path.size(); ++i)
            parent = &parent->object(column.path[i]);
        parent->children.push_back({.key = column.path.back(), .column = &column});
    }
    objects_.emplace_back();
    add_object(root, 0);
    row_bytes_ += 2 + kTextBlock;
    texts_.append(kTextBlock, '\0');  // so that a whole block can be read from any text
}

void RecordProgram::add_object(const Node& node, uint32_t object) {
    for (const Node& child : node.children) {
        if (child.column != nullptr) {
            const bool is_json = result_type_of(child.column->type) == engine::ResultType::json;
            objects_[object][std::string(child.key)] = {false, child.column->slot, is_json};
            add_value(child);
            continue;
        }
        const auto index = static_cast<uint32_t>(objects_.size());
        objects_[object][std::string(child.key)] = {.is_object = true, .index = index};
        objects_.emplace_back();
        Op open{.step = Step::open, .slot = index};
        add_text(child.key, ":{", open);
        ops_.push_back(open);
        add_object(child, index);
        ops_.push_back({.step = Step::close, .slot = index});
    }
}

void RecordProgram::add_value(const Node& node) {
    Op op{.type = result_type_of(node.column->type), .slot = node.column->slot};
    op.step = op.type == engine::ResultType::string ? Step::string
              : op.type == engine::ResultType::json ? Step::json
                                                    : Step::value;
    add_text(node.key, ":", op);
    row_bytes_ += kValueTextMax + 1;
    ops_.push_back(op);
}

void RecordProgram::add_text(std::string_view key, std::string_view after, Op& op) {
    op.text = static_cast<uint32_t>(texts_.size());
    json::TextSink sink(texts_);
    sink.set(json::format_string(sink.more(sink.at(), json::string_text_max(key.size())), key));
    sink.append(after);
    op.text_size = static_cast<uint32_t>(sink.used()) - op.text;
    row_bytes_ += op.text_size + kTextBlock;
}

char* RecordProgram::put_text(char* at, const Op& op) const {
    const char* text = texts_.data() + op.text;
    if (op.text_size <= kTextBlock) [[likely]] {
        std::memcpy(at, text, kTextBlock);
    } else {
        std::memcpy(at, text, op.text_size);
    }
    return at + op.text_size;
}

char* RecordProgram::write(json::TextSink& sink, char* at, const engine::ResultBatch& batch,
                           uint32_t row, const Extras& extras) const {
    size_t opened[kDepthMax];  // where each open object's key stands in the sink
    size_t depth = 0;
    at = sink.more(at, row_bytes_);
    *at++ = '{';
    for (const Op& op : ops_) {
        if (op.step == Step::open) {
            opened[depth++] = static_cast<size_t>(at - sink.begin());
            at = put_text(at, op);
            continue;
        }
        if (op.step == Step::close) {
            --depth;
            if (!extras.members.empty()) [[unlikely]]
                at = put_extras(sink, at, op.slot, extras.members);
            // Every member ends with a comma, so a brace means that there was none.
            if (at[-1] == '{') {
                // The constructor closes what it has opened, and no more than kDepthMax.
                // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): as above
                at = sink.begin() + opened[depth];
            } else {
                at[-1] = '}';
                *at++ = ',';
            }
            continue;
        }
        const engine::ResultBatch::Column& column = batch.columns[op.slot];
        if (!column.valid(row)) continue;
        if (!extras.replaced.empty() && std::ranges::binary_search(extras.replaced, op.slot))
            continue;
        at = put_text(at, op);
        if (op.step == Step::value) {
            at = format_value(at, op.type, column, row, '"');
        } else {
            const std::string_view text = column.values<StringRef>()[row].view();
            const size_t room = json::string_text_max(text.size()) + row_bytes_;
            if (static_cast<size_t>(sink.end() - at) < room) at = sink.more(at, room);
            if (op.step == Step::string) {
                at = json::format_string(at, text);
            } else {
                std::memcpy(at, text.data(), text.size());
                at += text.size();
            }
        }
        *at++ = ',';
    }
    if (!extras.members.empty()) at = put_extras(sink, at, 0, extras.members);
    if (at[-1] == ',') --at;
    *at++ = '}';
    return at;
}

char* RecordProgram::put_extras(json::TextSink& sink, char* at, uint32_t object,
                                std::span<const Extra> extras) const {
    for (const Extra& extra : std::ranges::equal_range(extras, object, {}, &Extra::object)) {
        const size_t room = extra.member.size() + 1 + row_bytes_;
        if (static_cast<size_t>(sink.end() - at) < room) at = sink.more(at, room);
        std::memcpy(at, extra.member.data(), extra.member.size());
        at += extra.member.size();
        *at++ = ',';
    }
    return at;
}

namespace {

// The end of the JSON string whose text begins at `at`, after its quote: the place of the closing
// quote.
size_t string_end(std::string_view text, size_t at) {
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    return at;
}

// The end of a value of minified JSON: the place of the comma or bracket after it.
size_t value_end(std::string_view text, size_t at) {
    size_t depth = 0;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') {
            at = string_end(text, at + 1);
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return at;
            --depth;
        } else if (c == ',' && depth == 0) {
            return at;
        }
    }
    return at;
}

}  // namespace

bool RecordProgram::find_extras(std::string_view object, bool prefers_columns,
                                const engine::ResultBatch& batch, uint32_t row,
                                Extras& extras) const {
    extras.clear();
    const bool found = find_extras(
        object, 0, {.batch = batch, .row = row, .prefers_columns = prefers_columns}, extras);
    if (!found) {
        extras.clear();
        return false;
    }
    // In their own order within each object.
    if (objects_.size() > 1) {
        std::ranges::sort(extras.members, {}, [](const Extra& extra) {
            return std::pair(extra.object, extra.member.data());
        });
    }
    std::ranges::sort(extras.replaced);
    return true;
}

bool RecordProgram::find_extras(std::string_view text, uint32_t object, const Row& row,
                                Extras& extras) const {
    if (!text.starts_with('{') || !text.ends_with('}')) return false;
    size_t at = 1;  // after the brace
    while (at < text.size() && text[at] == '"') {
        const size_t key_end = string_end(text, at + 1);
        const std::string_view key = text.substr(at + 1, key_end - at - 1);
        const size_t end = value_end(text, key_end + 2);
        if (end >= text.size() || key.find('\\') != std::string_view::npos) return false;
        const auto found = objects_[object].find(key);
        const Member* member = found == objects_[object].end() ? nullptr : &found->second;
        if (member != nullptr && member->is_object) {
            const std::string_view value = text.substr(key_end + 2, end - key_end - 2);
            if (!find_extras(value, member->index, row, extras)) return false;
        } else if (member == nullptr || !row.batch.columns[member->index].valid(row.row)) {
            extras.members.push_back({object, text.substr(at, end - at)});
        } else if (member->is_json) {
            return false;  // two objects may have to be merged
        } else if (!row.prefers_columns) {
            extras.members.push_back({object, text.substr(at, end - at)});
            extras.replaced.push_back(member->index);
        }
        at = end + 1;
    }
    // What is damaged does not end here.
    return at == text.size();
}

}  // namespace insula::tables
