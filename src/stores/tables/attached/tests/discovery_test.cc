#include "stores/tables/attached/discovery.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "platform/fs/tests/temporary_directory.h"
#include "stores/tables/attached/origin.h"

namespace insula::tables {
namespace {

namespace stdfs = std::filesystem;

class Discovery : public testing::Test {
  protected:
    Discovery() {
        for (const char* name :
             {"one/sales/b.csv", "one/sales/a.parquet", "one/sales/.hidden.csv",
              "one/sales/_SUCCESS", "one/sales/_part.csv", "one/sales/readme.txt",
              "one/sales/deeper/c.csv", "two/sales/other.csv", "two/single.json", "three/x.csv",
              "one/empty/notes.txt"}) {
            const stdfs::path path = home_.path() + "/" + name;
            stdfs::create_directories(path.parent_path());
            std::ofstream(path) << "content";
        }
        for (const char* root : {"/one", "/two/"}) {
            roots_.push_back(
                std::make_shared<const OutsideDirectory>(home_.path() + root, std::string()));
        }
    }

    std::string find(const std::string& text) {
        const auto address = AttachedAddress::parse(text);
        EXPECT_TRUE(address) << text;
        const auto found = find_attached(roots_, *address);
        if (!found) {
            EXPECT_EQ(found.error().message(), attachment_not_found("").message());
            return std::string(found.error().reason());
        }
        std::string names = stdfs::path(found->place.root->path()).lexically_normal().string();
        names = names.substr(home_.path().size());
        for (const OutsideEntry& entry : found->files) {
            names += " " + entry.name;
            EXPECT_TRUE(found->place.open(entry.name)) << entry.name;
        }
        return names;
    }

    TemporaryDirectory home_;
    AllowedRoots roots_;
};

TEST_F(Discovery, AFileADirectoryOrAPatternBelowARoot) {
    EXPECT_EQ(find("file://sales/b.csv"), "/one b.csv");
    EXPECT_EQ(find("file://sales"), "/one a.parquet b.csv");
    EXPECT_EQ(find("file://sales/"), "/one a.parquet b.csv");
    EXPECT_EQ(find("file://sales/*"), "/one _part.csv a.parquet b.csv");
    EXPECT_EQ(find("file://sales/?.csv"), "/one b.csv");
    EXPECT_EQ(find("file://sales/_part.csv"), "/one _part.csv");
    EXPECT_EQ(find("file://sales/deeper"), "/one c.csv");
}

TEST_F(Discovery, ARelativeAddressIsLookedUpBelowEachRootInTheirOrder) {
    EXPECT_EQ(find("file://single.json"), "/two/ single.json");
    EXPECT_EQ(find("file://sales/other.csv"), "/two/ other.csv");
    EXPECT_EQ(find("file://*.json"), "/two/ single.json");
}

TEST_F(Discovery, AnAbsoluteAddressMustLieBelowOne) {
    EXPECT_EQ(find("file://" + home_.path() + "/one/sales"), "/one a.parquet b.csv");
    EXPECT_EQ(find("file://" + home_.path() + "/two/single.json"), "/two/ single.json");
    EXPECT_EQ(find("file://" + home_.path() + "/three/x.csv"), "attachment_not_found");
    EXPECT_EQ(find("file://" + home_.path() + "/one2/x.csv"), "attachment_not_found");
    EXPECT_EQ(find("file:///etc/passwd"), "attachment_not_found");
    EXPECT_EQ(find("file:///x.csv"), "attachment_not_found");
}

TEST_F(Discovery, WhatIsNotThereIsNotAllowedOrIsNoDataAnswersAlike) {
    for (const char* text :
         {"file://none", "file://none/a.csv", "file://sales/none.csv", "file://sales/*.tsv",
          "file://sales/readme.txt", "file://empty", "file://sales/b.csv/c.csv", "file://x.csv"}) {
        EXPECT_EQ(find(text), "attachment_not_found") << text;
    }
    roots_.clear();
    EXPECT_EQ(find("file://sales"), "attachment_not_found");
}

TEST_F(Discovery, TooManyFilesAreSaidToBeTooMany) {
    stdfs::create_directories(home_.path() + "/one/many");
    for (size_t i = 0; i <= kAttachedFilesMax; ++i) {
        std::ofstream(home_.path() + "/one/many/" + std::to_string(i) + ".csv") << "a\n";
    }
    const auto found = find_attached(roots_, *AttachedAddress::parse("file://many"));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().reason(), "attachment_too_large");
    EXPECT_NE(found.error().message().find("1000 files"), std::string_view::npos);
    EXPECT_TRUE(find_attached(roots_, *AttachedAddress::parse("file://many/1*.csv")));
}

Origin sample_origin() {
    return {.name = "gr\xC3\xB6\xC3\x9F.parquet",
            .identity = {.inode = 1,
                         .bytes = UINT64_MAX,
                         .modified_at = -5,
                         .changed_at = INT64_MAX,
                         .settled = false},
            .in_place = Origin::InPlace{"v1.4.4",
                                        77,
                                        {{"a", "BIGINT", ColumnType::int64},
                                         {"\0b", "STRUCT(x INTEGER)", ColumnType::json}}}};
}

TEST(Origins, AreReadAsTheyWereWritten) {
    Origin origin = sample_origin();
    const auto read = decode_origin(encode_origin(origin));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, origin.name);
    EXPECT_TRUE(read->identity.same_content(origin.identity));
    EXPECT_FALSE(read->identity.settled);
    ASSERT_TRUE(read->in_place);
    EXPECT_EQ(read->in_place->engine, "v1.4.4");
    EXPECT_EQ(read->in_place->first_row_id, 77u);
    ASSERT_EQ(read->in_place->columns.size(), 2u);
    EXPECT_EQ(read->in_place->columns[1].file_type, "STRUCT(x INTEGER)");
    EXPECT_EQ(read->in_place->columns[1].type, ColumnType::json);
    origin.in_place.reset();
    origin.identity.settled = true;
    const auto text = decode_origin(encode_origin(origin));
    ASSERT_TRUE(text);
    EXPECT_FALSE(text->in_place);
    EXPECT_TRUE(text->identity.settled);
}

TEST(Origins, WhatIsNoneIsNoneWhereverItIsDamaged) {
    const std::string whole = encode_origin(sample_origin());
    EXPECT_FALSE(decode_origin(""));
    EXPECT_FALSE(decode_origin(whole + "x"));
    for (size_t at = 0; at < whole.size(); ++at) {
        EXPECT_FALSE(decode_origin(whole.substr(0, at))) << at;
        std::string damaged = whole;
        damaged[at] ^= 0x10;
        EXPECT_FALSE(decode_origin(damaged)) << at;
    }
}

}  // namespace
}  // namespace insula::tables
