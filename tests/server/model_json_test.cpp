// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/model/json.h"

namespace tarn::server {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonScan, TakesJsonToTheLetter) {
  for (const std::string& text :
       {std::string("{}"), std::string("[]"), std::string("null"),
        std::string(" \t\r\n{ \"a\" : [ 1 , -2, 0, -0 ] } \n"), std::string(R"({"a":{"b":1},"b":{"b":2}})"),
        std::string(R"("\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00")"), std::string("\"ä 世界 😀\""),
        std::string("9223372036854775807"), std::string("-9223372036854775808"),
        std::string("[1.5,-0.25,1e30,2E-3,0.0]"), std::string(R"([true,false,null])"), nested(16)}) {
    const auto fault = scan_json(text);
    EXPECT_FALSE(fault.has_value()) << text << ": " << fault->reason;
    EXPECT_NE(parse_scanned_json(text), nullptr) << text;
  }
}

TEST(JsonScan, RefusesWhatJsonGlibWouldTake) {
  struct Row {
    std::string text;
    const char* field;
    const char* reason;  // beginning
  };
  const Row rows[] = {
      {"{'a':1}", "", "expected a key in double quotes"},
      {"{a:1}", "", "expected a key in double quotes"},
      {R"({"a":1,"a":2})", "a", "appears twice"},
      {R"({"x":{"a":1,"\u0061":2}})", "x.a", "appears twice"},
      {R"({"a":1e999})", "a", "the number is out of range"},
      {R"({"a":1.})", "a", "expected a value"},
      {R"({"a":1.e1})", "a", "expected a value"},
      {R"({"a":1e})", "a", "expected a value"},
      {R"({"a":1e+})", "a", "expected a value"},
      {R"({"a":.5})", "a", "expected a value"},
      {R"({"a":0.00000000000000000000000000000001})", "a", "the number is out of range"},
      {R"({"a":[1,99999999999999999999]})", "a[1]", "the number is out of range"},
      {R"({"a":-9223372036854775809})", "a", "the number is out of range"},
      {R"({"a":"\u0000x"})", "a", "\\u0000 is not allowed"},
      {nested(17), "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]",
       "objects and arrays may be nested 16 deep"},
      {std::string(60'000, '['), "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]",
       "objects and arrays may be"},
      {"/* x */ 1", "", "expected a value"},
      {"var x = 1", "", "expected a value"},
      {"[1,]", "[1]", "expected a value"},
      {R"({"a":1,})", "", "expected a key"},
      {R"({"":1})", "", "a key is empty"},
      {"\xef\xbb\xbf{}", "", "expected a value"},
  };
  for (const Row& row : rows) {
    const auto fault = scan_json(row.text);
    ASSERT_TRUE(fault.has_value()) << row.text;
    EXPECT_EQ(fault->field, row.field) << row.text;
    EXPECT_TRUE(fault->reason.starts_with(row.reason)) << row.text << ": " << fault->reason;
    EXPECT_EQ(fault->code, ErrorCode::malformed);
  }
}

TEST(JsonScan, RefusesWhatIsNotJsonAtAll) {
  for (const std::string& text : {std::string(),
                                  std::string(" "),
                                  std::string("{"),
                                  std::string("["),
                                  std::string("\""),
                                  std::string("{\"a\""),
                                  std::string("{\"a\":"),
                                  std::string("{\"a\":1"),
                                  std::string("[1"),
                                  std::string("[1 2]"),
                                  std::string("{\"a\" 1}"),
                                  std::string("nul"),
                                  std::string("True"),
                                  std::string("NaN"),
                                  std::string("Infinity"),
                                  std::string("01"),
                                  std::string("+1"),
                                  std::string("-"),
                                  std::string("1 1"),
                                  std::string(".5"),
                                  std::string("0x10"),
                                  std::string("\"\t\""),
                                  std::string("\"\\x\""),
                                  std::string("\"\\u12g4\""),
                                  std::string("\"\\u12\""),
                                  std::string("\"\\ud800\""),
                                  std::string("\"\\ud800\\u0041\""),
                                  std::string("\"\\udc00\""),
                                  std::string("\"\\"),
                                  std::string("\"\xff\""),
                                  std::string("\"\xc0\x80\""),
                                  std::string("\"\xed\xa0\x80\""),
                                  std::string("[1]\0", 4),
                                  std::string("\"a\0b\"", 5)}) {
    EXPECT_TRUE(scan_json(text).has_value()) << text;
  }
}

TEST(JsonScan, EveryBeginningOfAGoodTextIsAFaultWithAPlace) {
  const std::string text = "{\n  \"a\": [1, {\"b\": \"\\ud83d\\ude00\"}],\n  \"c\": null}";
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_TRUE(scan_json(std::string_view(text).substr(0, length)).has_value()) << length;
  }
  EXPECT_EQ(scan_json("{\n \"a\": x}")->reason, "expected a value (line 2, column 7)");
}

TEST(JsonScan, RefusesMoreBytesThanAllowed) {
  EXPECT_EQ(scan_json("[1]", {.bytes = 2, .depth = 16})->code, ErrorCode::limit);
  EXPECT_FALSE(scan_json("[1]", {.bytes = 3, .depth = 16}).has_value());
}

// The examples of RFC 7396, appendix A, but those with results that are not objects of ours.
TEST(MergePatch, DoesWhatItsRfcShows) {
  struct Row {
    const char* target;
    const char* patch;
    const char* result;
  };
  const Row rows[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const Row& row : rows) {
    const JsonPtr target = parse_scanned_json(row.target);
    const JsonPtr patch = parse_scanned_json(row.patch);
    EXPECT_EQ(print_json(merge_patch(target.get(), patch.get()).get()), row.result) << row.patch;
    EXPECT_EQ(print_json(target.get()), row.target);
  }
}

}  // namespace
}  // namespace tarn::server
