#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/display_text.h"

namespace insula::cli {
namespace {

json::JsonValue json_value(std::string_view text) {
    auto value = json::JsonValue::parse(text);
    EXPECT_TRUE(value) << text;
    return *value;
}

Table table_of(std::initializer_list<std::string_view> objects) {
    TableBuilder builder;
    for (const std::string_view object : objects) {
        builder.begin_row();
        builder.add_members(json_value(object));
    }
    return builder.table();
}

TEST(DisplayText, ControlCharactersAreShownAndNotSent) {
    EXPECT_EQ(printable("a\tb\n"), "a\\tb\\n");
    EXPECT_EQ(printable("\x1b[31mred"), "\\u001b[31mred");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "\\u009b31m")
        << "a control sequence of C1";
    EXPECT_EQ(printable("a\u202eb"), "a\\u202eb") << "would turn the text around";
    EXPECT_EQ(printable("Zoë 漢字"), "Zoë 漢字");
    EXPECT_EQ(printable("a\xff\xfe"), "a\u{fffd}\u{fffd}");
    EXPECT_EQ(printable("\xe6\xbc"), "\u{fffd}\u{fffd}") << "a character that is cut off";
    EXPECT_EQ(printable("\xc0\xaf"), "\u{fffd}\u{fffd}") << "an overlong form";
}

TEST(DisplayText, WidthIsInCells) {
    EXPECT_EQ(display_width("abc"), 3u);
    EXPECT_EQ(display_width("Zoë"), 3u);
    EXPECT_EQ(display_width("漢字"), 4u);
    EXPECT_EQ(display_width("e\u0301"), 1u) << "a combining mark takes no cell";
    EXPECT_EQ(display_width("😀"), 2u);
}

TEST(DisplayText, CutsBetweenCharacters) {
    EXPECT_EQ(cut_to_width("abcdef", 6), "abcdef");
    EXPECT_EQ(cut_to_width("abcdef", 4), "abc…");
    EXPECT_EQ(cut_to_width("漢字漢字", 6), "漢字…");
    EXPECT_EQ(cut_to_width("e\u0301e\u0301e\u0301", 2), "e\u0301…");
    EXPECT_EQ(cut_to_width("abc", 0), "");
}

TEST(Table, NumbersStandAtTheRightAndTextAtTheLeft) {
    const Table table =
        table_of({R"({"name":"Ann","amount":5})", R"({"name":"Benjamin","amount":1234.5})",
                  R"({"name":"漢字","amount":null})"});
    EXPECT_EQ(render_table(table, 0),
              "name      amount\n"
              "--------  ------\n"
              "Ann            5\n"
              "Benjamin  1234.5\n"
              "漢字\n");
}

TEST(Table, AColumnWithAnyTextIsText) {
    EXPECT_EQ(render_table(table_of({R"({"a":1})", R"({"a":"x"})"}), 0), "a\n-\n1\nx\n");
}

TEST(Table, NestedObjectsAreColumnsWithDots) {
    const Table table =
        table_of({R"({"a":{"b":1,"c":{"d":"x"}},"l":[1,{"e":2}],"o":{}})", R"({"a":{"f":true}})"});
    EXPECT_EQ(table.columns, (std::vector<std::string>{"a.b", "a.c.d", "l", "o", "a.f"}));
    EXPECT_EQ(table.rows[0][2], Cell::of_text(R"([1,{"e":2}])"));
    EXPECT_EQ(table.rows[0][3], Cell::of_text("{}"));
    EXPECT_EQ(table.rows[1][4], Cell::of_text("true"));
}

TEST(Table, AllDigitsOfLargeNumbersAreShown) {
    const Table table = table_of({R"({"a":170141183460469231731687303715884105727})"});
    EXPECT_EQ(table.rows[0][0].text, "170141183460469231731687303715884105727");
    EXPECT_EQ(table.rows[0][0].kind, Cell::Kind::number);
}

TEST(Table, ColumnsThatWereAskedForAreTheOnlyOnes) {
    TableBuilder builder({"b", "a", "o"});
    builder.begin_row();
    builder.add_members(json_value(R"({"a":1,"b":2,"c":3,"o":{"x":1}})"));
    EXPECT_EQ(render_table(builder.table(), 0),
              "b  a  o\n"
              "-  -  -------\n"
              "2  1  {\"x\":1}\n");
    EXPECT_EQ(builder.left_out(), std::vector<std::string>{"c"});
}

TEST(Table, TheWidestTextsAreCutFirstAndNumbersNever) {
    const Table table = table_of(
        {R"({"id":12345678901,"short":"abc","long":"a text that is rather long for a table"})"});
    EXPECT_EQ(render_table(table, 40),
              "         id  short  long\n"
              "-----------  -----  --------------------\n"
              "12345678901  abc    a text that is rath…\n");
}

TEST(Table, ALaterNumberIsNeverCutAndALaterTextIs) {
    const TableLayout layout(table_of({R"({"n":1,"t":"abc"})"}), 80);
    EXPECT_EQ(layout.row({{Cell::Kind::number, "12345"}, Cell::of_text("abcdef")}), "12345  ab…\n");
    EXPECT_EQ(layout.row({Cell::of_text("no number"), Cell()}), "…\n");
}

TEST(Table, ColumnsWithoutRoomAreLeftOutAndAMarkSaysSo) {
    const Table table = table_of({R"({"a":"aaaaaaaa","b":"bbbbbbbb","c":"cccccccc"})"});
    EXPECT_EQ(render_table(table, 22),
              "a         b         …\n"
              "--------  --------  …\n"
              "aaaaaaaa  bbbbbbbb  …\n");
}

TEST(Table, NoLineIsWiderThanTheTerminal) {
    const Table table = table_of(
        {R"({"a":"漢字漢字漢字漢字漢字漢字","number_of_things":123456,"c":"e\u0301e\u0301e\u0301"})",
         R"({"a":"x","number_of_things":1,"c":"a somewhat longer text","d":"\u001b[2J"})"});
    for (size_t width = 8; width < 100; ++width) {
        std::string_view text;
        const std::string rendered = render_table(table, width);
        text = rendered;
        while (!text.empty()) {
            const size_t end = text.find('\n');
            EXPECT_LE(display_width(text.substr(0, end)), width) << rendered;
            text.remove_prefix(end + 1);
        }
    }
}

TEST(Table, CsvQuotesWhatNeedsIt) {
    const Table table = table_of(
        {R"({"a":"x,y","b":"say \"hi\"","c":"two\nlines","d":""})", R"({"b":null,"d":1})"});
    EXPECT_EQ(render_csv(table), "a,b,c,d\n\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\",\"\"\n,,,1\n");
}

TEST(Table, NothingIsShownOfNothing) { EXPECT_EQ(render_table({}, 80), ""); }

}  // namespace
}  // namespace insula::cli
