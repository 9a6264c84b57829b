#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace http {

/// Entity tags and the requests that depend on them (RFC 9110, sections 8.8.3 and 13).
///
/// A handler of GET adds `ETag` to its 200 and is done: the server answers 304 when the caller
/// has that version already. Who can tell the version before making the body asks knows_version
/// and answers not_modified, which saves making it.

/// `"version"`: the strong tag of a version that is known anyway. `version`: visible ASCII without
/// quotes (asserted).
std::string strong_tag(std::string_view version);

/// A strong tag of the bytes themselves, for who has no version: their number and their 64-bit
/// FNV-1a hash (draft-eastlake-fnv), some nanosecond a byte. Tells versions apart that come about
/// by chance; who writes the content could construct two alike.
std::string tag_of(std::string_view body);

/// Whether an If-None-Match (a list or "*") names the tag, compared weakly. What can't be read
/// names nothing.
bool matches_weakly(std::string_view list, std::string_view tag);

/// Whether an If-Match (a list or "*") names the tag, compared strongly.
bool matches_strongly(std::string_view list, std::string_view tag);

/// True if the request has an If-None-Match that names the tag.
bool knows_version(const Request& request, std::string_view tag);

/// 304 with its tag.
Response not_modified(std::string tag);

/// The tag of the same version in another content coding: `"a"` to `"a-gzip"`. A weak tag stands
/// for all codings and stays as it is.
std::string with_coding(std::string_view tag);

/// Takes with_coding back in a list of tags; false if there was nothing to take.
bool take_coding_off(std::string& list);

}  // namespace http
