#include "cli/csv_columns.h"

#include <gtest/gtest.h>

namespace insula::cli {
namespace {

using Declarations = std::vector<std::string>;

TEST(CsvColumns, DeclaresWhatSomeRowsAloneWouldMakeAnother) {
    CsvColumns columns(',');
    columns.add("\xEF\xBB\xBFid,zip,\"a:b,c\",ok,price\n1,10001,1,true,2\n");
    EXPECT_EQ(columns.declarations(), Declarations{});
    columns.add("\xEF\xBB\xBFid,zip,\"a:b,c\",ok,price\n2,00501,,false,2.5\n3,,x,,\n");
    EXPECT_EQ(columns.declarations(), (Declarations{"zip:string", "a:b,c:string"}));
    columns.add("id,zip,\"a:b,c\",ok,price\n4,1,1,maybe,9007199254740993\n");
    EXPECT_EQ(columns.declarations(),
              (Declarations{"zip:string", "a:b,c:string", "ok:string", "price:float64"}));
}

TEST(CsvColumns, WhatIsNotCsvIsLeftToTheServer) {
    CsvColumns columns('\t');
    columns.add("a\tb\n1\tx\n1\n0501\t2\n");
    EXPECT_EQ(columns.declarations(), Declarations{}) << "nothing behind the short row counts";
    columns.add("a\tb\n\"");
    columns.add("");
    EXPECT_EQ(columns.declarations(), Declarations{});
}

}  // namespace
}  // namespace insula::cli
