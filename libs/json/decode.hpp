#pragma once

// json::decode<T>(text): reads a described struct (BOOST_DESCRIBE_STRUCT) from JSON, the same on
// every Boost version (ADR 0007): an unknown key, a missing key and a wrong type are errors with
// their path; a member of type std::optional may be missing or null.
//
// Members may be: bool, std::int32_t, std::int64_t, double, std::string, base::Uuid, json::Value,
// std::optional<T>, std::vector<T>, another described struct.
//
// Implemented in this header because it is a template; include it from api/*.cpp, never from
// other headers.
