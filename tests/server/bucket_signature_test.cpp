// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/collect/bucket_target.h"
#include "server/collect/signature.h"

namespace tarn::server {
namespace {

const BucketCredentials example{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
constexpr char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

RequestToSign aws_request(const std::string& method, const std::string& path, const std::string& payload) {
  RequestToSign request;
  request.method = method;
  request.path = path;
  request.payload = payload;
  request.region = "us-east-1";
  request.moment = "20130524T000000Z";
  request.headers = {{"host", "examplebucket.s3.amazonaws.com"},
                     {"x-amz-date", request.moment},
                     {"x-amz-content-sha256", payload}};
  return request;
}

std::string signature_of(const std::string& text) { return text.substr(text.find("Signature=") + 10); }

// The examples of the S3 API reference, "Signature Calculations for the Authorization Header".
TEST(BucketSignature, Aws4IsThatOfItsReference) {
  RequestToSign get = aws_request("GET", "/test.txt", nothing);
  get.headers["range"] = "bytes=0-9";
  EXPECT_EQ(authorization(SignatureScheme::aws4, get, example),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

  const std::string body = "Welcome to Amazon S3.";
  RequestToSign put =
      aws_request("PUT", "/" + percent_encode("test$file.text", true), sha256_hex(as_bytes(body)));
  put.headers["date"] = "Fri, 24 May 2013 00:00:00 GMT";
  put.headers["x-amz-storage-class"] = "REDUCED_REDUNDANCY";
  EXPECT_EQ(signature_of(authorization(SignatureScheme::aws4, put, example)),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

  RequestToSign lifecycle = aws_request("GET", "/", nothing);
  lifecycle.query = {{"lifecycle", ""}};
  EXPECT_EQ(signature_of(authorization(SignatureScheme::aws4, lifecycle, example)),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

  RequestToSign list = aws_request("GET", "/", nothing);
  list.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_EQ(signature_of(authorization(SignatureScheme::aws4, list, example)),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// What OSS's own client for Node sends.
TEST(BucketSignature, Oss4IsThatOfItsOwnClient) {
  RequestToSign put;
  put.method = "PUT";
  put.path = "/vod/" + percent_encode("dir/a b.m3u8", true);
  put.payload = "UNSIGNED-PAYLOAD";
  put.region = "ap-southeast-1";
  const auto signature_at = [&](const std::string& moment) {
    put.moment = moment;
    put.headers = {{"host", "vod.oss-ap-southeast-1.aliyuncs.com"},
                   {"content-type", "application/vnd.apple.mpegurl"},
                   {"content-md5", "XUFAKrxLKna5cZ2REBfFkg=="},
                   {"x-oss-date", moment},
                   {"x-oss-content-sha256", "UNSIGNED-PAYLOAD"}};
    return authorization(SignatureScheme::oss4, put, {"AK", "SK", ""});
  };
  EXPECT_EQ(signature_at("20261122T162503Z"),
            "OSS4-HMAC-SHA256 Credential=AK/20261122/ap-southeast-1/oss/aliyun_v4_request,"
            "Signature=e1b4638df3419e6ed15bc420a6b0d58f10f624ba5b824670169316ee476a194e");
  EXPECT_EQ(signature_of(signature_at("20261122T173135Z")),
            "ca6f7863c4c05517f1e81038d6db80f83849be9b417b8496e2f6cd8db199576c");
}

TEST(BucketSignature, PathsQueriesAndSums) {
  EXPECT_EQ(percent_encode("dir/a b+c=\xC3\xA9(1)!~.mp4", true), "dir/a%20b%2Bc%3D%C3%A9%281%29%21~.mp4");
  EXPECT_EQ(percent_encode("a/b", false), "a%2Fb");
  EXPECT_EQ(encode_query({{"uploads", ""}, {"a", "b c"}}, SignatureScheme::aws4), "a=b%20c&uploads=");
  EXPECT_EQ(encode_query({{"uploads", ""}, {"a", "b c"}}, SignatureScheme::oss4), "a=b%20c&uploads");
  EXPECT_EQ(signing_moment(Utc{std::chrono::seconds{1'369'353'600}}), "20130524T000000Z");
  EXPECT_EQ(md5_base64(as_bytes(std::string_view{"hello"})), "XUFAKrxLKna5cZ2REBfFkg==");
  EXPECT_EQ(md5_hex(as_bytes(std::string_view{"hello"})), "5d41402abc4b2a76b9719d911017c592");
}

TEST(BucketAnswers, TextOfAnElement) {
  EXPECT_EQ(xml_text("<a><Code>NoSuchBucket</Code></a>", "Code"), "NoSuchBucket");
  for (const char* text : {"", "<Code>", "<Code>a<b/></Code>", "</Code><Code>", "<Code>&amp;</Code>"}) {
    EXPECT_EQ(xml_text(text, "Code"), "") << text;
  }
}

TEST(BucketAnswers, ErrorsSayWhatToDoAndWhetherItIsForGood) {
  const auto error = [](int status, const std::string& code) {
    return bucket_error({status, {}, "<Error><Code>" + code + "</Code><Message>secret</Message></Error>"},
                        "b");
  };
  for (const auto& [status, code] : {std::pair{503, "SlowDown"},
                                     {500, ""},
                                     {429, ""},
                                     {400, "RequestTimeout"},
                                     {400, "BadDigest"},
                                     {404, "NoSuchUpload"}}) {
    EXPECT_TRUE(may_go_away(error(status, code))) << status << code;
  }
  for (const auto& [status, code] : {std::pair{403, "SignatureDoesNotMatch"},
                                     {403, "RequestTimeTooSkewed"},
                                     {404, "NoSuchBucket"},
                                     {301, "PermanentRedirect"},
                                     {400, "Other"}}) {
    EXPECT_FALSE(may_go_away(error(status, code))) << status << code;
  }
  EXPECT_EQ(error(403, "RequestTimeTooSkewed").message,
            "the clocks of this server and of the store differ too much (the store answered 403 "
            "RequestTimeTooSkewed)");
  EXPECT_EQ(error(403, "Access key AKIA is bad").message,
            "the store refuses the credentials (the store answered 403)");
}

}  // namespace
}  // namespace tarn::server
