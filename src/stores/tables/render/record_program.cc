#include "stores/tables/render/record_program.h"

#include <algorithm>

#include "base/check.h"
#include "stores/tables/render/value_text.h"

namespace insula::tables {

engine::ResultType result_type_of(ColumnType type) {
    using engine::ResultType;
    switch (type) {
        case ColumnType::boolean:
            return ResultType::boolean;
        case ColumnType::int64:
            return ResultType::int64;
        case ColumnType::float64:
            return ResultType::float64;
        case ColumnType::string:
            return ResultType::string;
        case ColumnType::date:
            return ResultType::date;
        case ColumnType::timestamp:
            return ResultType::timestamp;
        case ColumnType::json:
            return ResultType::json;
    }
    check_failed(__FILE__, __LINE__, "type", "unknown column type");
}

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
    for (const Node& child : root.children) {
        members_[std::string(child.key)] = child.column == nullptr ? kObject : child.column->slot;
        add(child, 0);
    }
    row_bytes_ += 2 + kTextBlock;
    texts_.append(kTextBlock, '\0');  // so that a whole block can be read from any text
}

void RecordProgram::add(const Node& node, size_t depth) {
    Op op{};
    if (node.column == nullptr) {
        op.step = Step::open;
        op.text = add_text(node.key, ":{");
        op.text_size = static_cast<uint32_t>(texts_.size()) - op.text;
        ops_.push_back(op);
        for (const Node& child : node.children) add(child, depth + 1);
        ops_.push_back({.step = Step::close});
        return;
    }
    op.type = result_type_of(node.column->type);
    op.step = op.type == engine::ResultType::string ? Step::string
              : op.type == engine::ResultType::json ? Step::json
                                                    : Step::value;
    op.slot = node.column->slot;
    op.text = add_text(node.key, ":");
    op.text_size = static_cast<uint32_t>(texts_.size()) - op.text;
    row_bytes_ += kValueTextMax + 1;
    ops_.push_back(op);
}

uint32_t RecordProgram::add_text(std::string_view key, std::string_view after) {
    const auto offset = static_cast<uint32_t>(texts_.size());
    json::TextSink sink(texts_);
    sink.set(json::format_string(sink.more(sink.at(), json::string_text_max(key.size())), key));
    sink.append(after);
    row_bytes_ += sink.used() - offset + kTextBlock;
    return offset;
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
                           uint32_t row) const {
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
            // Every member ends with a comma, so a brace means that there was none.
            --depth;
            if (at[-1] == '{') {
                at = sink.begin() + opened[depth];
            } else {
                at[-1] = '}';
                *at++ = ',';
            }
            continue;
        }
        const engine::ResultBatch::Column& column = batch.columns[op.slot];
        if (!column.valid(row)) continue;
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
    if (at[-1] == ',') --at;
    *at++ = '}';
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

bool RecordProgram::may_share_member(std::string_view object, const engine::ResultBatch& batch,
                                     uint32_t row) const {
    size_t at = 1;  // after the brace
    while (at < object.size() && object[at] == '"') {
        const size_t end = string_end(object, at + 1);
        if (end >= object.size()) return true;
        const std::string_view key = object.substr(at + 1, end - at - 1);
        if (key.find('\\') != std::string_view::npos) return true;
        const auto member = members_.find(key);
        if (member != members_.end()) {
            if (member->second == kObject || batch.columns[member->second].valid(row)) return true;
        }
        at = value_end(object, end + 2) + 1;
    }
    return false;
}

}  // namespace insula::tables
