#include "server/offline/stopped_node.h"

#include <charconv>

namespace insula::server {

Result<std::unique_ptr<StoppedNode>> StoppedNode::open(FileSystem& fs, Clock& clock,
                                                       const std::string& path,
                                                       OpenElsewhere open_elsewhere) {
    ASSIGN_OR_RETURN(DataDirectory directory, DataDirectory::open_stopped(fs, path));
    return std::unique_ptr<StoppedNode>(
        new StoppedNode(fs, clock, std::move(directory), std::move(open_elsewhere)));
}

Result<catalog::Catalog*> StoppedNode::catalog() {
    if (!catalog_) catalog_ = open_catalog();
    if (!*catalog_) return fail(catalog_->error());
    return (*catalog_)->get();
}

Result<std::unique_ptr<catalog::Catalog>> StoppedNode::open_catalog() {
    ASSIGN_OR_RETURN(const bool elsewhere, catalog_is_elsewhere());
    if (elsewhere) return open_elsewhere_(directory_);
    const std::string path = directory_.catalog_path();
    const auto exists = fs_.exists(path);
    if (exists && !*exists) return fail(data_loss(path + ": missing"));
    return catalog::open_sqlite_catalog(frozen_, clock_, path);
}

Result<Names> Names::load(catalog::Catalog& catalog) {
    Names names;
    ASSIGN_OR_RETURN(const auto tenants, catalog.tenants());
    for (const catalog::Tenant& tenant : tenants) {
        names.tenants_[tenant.id] = tenant.slug;
        ASSIGN_OR_RETURN(const auto sources, catalog.sources(tenant.id));
        for (const catalog::Source& source : sources) {
            names.sources_[source.incarnation] = {source.source_id, source.flushed_lsn};
        }
    }
    return names;
}

std::string Names::tenant(const TenantId& tenant) const {
    const auto found = tenants_.find(tenant);
    return found == tenants_.end() ? tenant.to_string() : found->second;
}

const Names::SourceName* Names::source(SourceIncarnation incarnation) const {
    const auto found = sources_.find(incarnation);
    return found == sources_.end() ? nullptr : &found->second;
}

std::optional<TenantId> Names::find_tenant(std::string_view text) const {
    if (const auto id = TenantId::parse(text)) return *id;
    for (const auto& [id, slug] : tenants_) {
        if (slug == text) return id;
    }
    return std::nullopt;
}

std::vector<SourceIncarnation> Names::find_sources(std::string_view text) const {
    std::vector<SourceIncarnation> found;
    for (const auto& [incarnation, source] : sources_) {
        if (source.source_id == text) found.push_back(incarnation);
    }
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (found.empty() && error == std::errc() && end == text.data() + text.size()) {
        found.push_back(SourceIncarnation{number});
    }
    return found;
}

}  // namespace insula::server
