#pragma once

#include <string>
#include <vector>

namespace flott::fuzz {

/// Inputs from which mutations start: well-formed ones, and those that break parsers.
inline std::vector<std::string> request_corpus() {
  return {
      "GET /v1/jobs/overview HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
      "GET /a HTTP/1.1\r\n\r\nGET /b?x=%41&y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "POST /jars/x/run HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
      "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
      "OPTIONS * HTTP/1.1\r\n\r\nTRACE / HTTP/1.1\r\n\r\n",
      "GET http://user@host:80/%2e%2e/?a=b#c HTTP/1.1\r\nX: folded\r\n more\r\n\r\n",
      "GET / HTTP/1.1\r\nX: " + std::string(990, 'x') + "\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=\"b\r\nContent-Length: 4\r\n\r\n--b-",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      std::string("\x16\x03\x01\x00\xA5\x01\x00\x00", 8),
      "\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "PATCH /jobs/0123456789abcdef0123456789abcdef?mode=cancel HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  };
}

inline std::vector<std::string> multipart_corpus() {
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"file_0\"; filename=\"x.so\"\r\n\r\ndata\r\n";
  return {
      part + "--b--\r\n",
      "preamble\r\n" + part + part + "--b--epilogue",
      part + "--b \t\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--b--",
      "--b\r\nContent-Disposition: form-data; name=\"a\\\"b\"; filename*=UTF-8''x\r\n\r\n\r\n--\r\n--b\r\n\r\n--b--",
      "--b--",
      "--b\r\n\r\n\r\n--b--",
      "--b\r\nContent-Disposition: form-data; name=\"\r\n\r\n--b--",
      "--b\r\n" + std::string(4096, 'H') + ": x\r\n\r\n--b--",
      "--b" + std::string(70, ' ') + "\r\n",
      std::string("--b\r\nContent-Disposition: form-data; name=\"\0\"\r\n\r\n--b--", 54),
      "multipart/form-data; boundary=\"b\\\"; x=y",
  };
}

inline std::vector<std::string> run_request_corpus() {
  return {
      "/v1/jars/x.so/run?entry-class=f&parallelism=2&program-args=--a+'b+c'\n{}",
      "/jars/x/run\n{\"entryClass\":\"f\",\"programArgsList\":[\"--a\",\"b\"],\"parallelism\":4,"
      "\"jobId\":\"0123456789abcdef0123456789abcdef\",\"flinkConfiguration\":{\"pipeline.name\":\"n\",\"k\":\"v\",\"i\":5}}",
      "/\n{\"programArgs\":\"--x \\\"1 2\\\" --y ''\",\"savepointPath\":null,\"claimMode\":\"CLAIM\"}",
      "/\n{\"parallelism\":1e400}",
      "/\n{\"parallelism\":9223372036854775808,\"parallelism\":-0}",
      "/\n" + std::string(64, '[') + std::string(64, ']'),
      "/\n{\"a\":\"\\ud800\",\"b\":\"\\u0000\"}",
      "/\n{\"entryClass\":\"\xF0\x9F\x98\x80\xC0\x80\"}",
      "/%\n\xEF\xBB\xBF{}",
      "/jobs/0123456789ABCDEF0123456789ABCDEF/vertices/zz/../x?mode=&mode=stop\n",
      "/flott/v1/blobs/" + std::string(64, 'a') + "\nnull",
      "/?programArg=,,,&program-args=\"\n",
  };
}

}  // namespace flott::fuzz
