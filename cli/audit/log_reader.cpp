#include "cli/audit/log_reader.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <fmt/format.h>

#include "token/digest.hpp"

namespace cli {
namespace {

constexpr std::string_view heading =
    "sent_us\tanswered_us\tkind\tsale_id\tcustomer_id\tkey\tquantity\torder_id\tstatus\tcode\tseq"
    "\tpos\tremaining\tunit_price_cents";
constexpr std::size_t columns = 14;
constexpr std::size_t buffer_bytes = 1 << 20;

enum Column : std::size_t {
    sent_us,
    answered_us,
    kind,
    sale_id,
    customer_id,
    key,
    quantity,
    order_id,
    status,
    code,
    seq,
    pos,
    remaining,
    unit_price_cents
};

base::Uuid digest_of(std::string_view text) {
    const token::Digest digest = token::sha256(text);
    base::Uuid half;
    std::copy_n(digest.begin(), half.bytes.size(), half.bytes.begin());
    return half;
}

}  // namespace

LogReader::LogReader(const std::filesystem::path& path) : path_(path), buffer_(buffer_bytes) {
    file_.rdbuf()->pubsetbuf(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    file_.open(path, std::ios::binary);
    if (!file_) throw std::runtime_error(fmt::format("can't open the log {}", path.string()));
    if (!std::getline(file_, text_) || text_ != heading) {
        fail("the heading is not that of a crowd's log");
    }
}

bool LogReader::next_sale(base::Uuid& sale) {
    if (!next_line()) return false;
    sale = uuid(Column::sale_id);
    return true;
}

bool LogReader::next_line() {
    if (!std::getline(file_, text_)) return false;
    ++line_;
    // A number that lost its end would still be a number.
    if (file_.eof()) {
        fail("the last line is cut short: remove it to audit the log without it");
    }
    cells_.clear();
    std::string_view rest = text_;
    while (true) {
        const std::size_t tab = rest.find('\t');
        cells_.push_back(rest.substr(0, tab));
        if (tab == std::string_view::npos) break;
        rest.remove_prefix(tab + 1);
    }
    if (cells_.size() != columns) {
        fail(fmt::format("{} columns instead of {}", cells_.size(), columns));
    }
    return true;
}

bool LogReader::next(Exchange& exchange) {
    if (!next_line()) return false;
    if (cells_[Column::kind] == "take") {
        exchange.kind = Exchange::Kind::take;
    } else if (cells_[Column::kind] == "pay") {
        exchange.kind = Exchange::Kind::pay;
    } else if (cells_[Column::kind] == "cancel") {
        exchange.kind = Exchange::Kind::cancel;
    } else {
        fail(fmt::format("kind '{}' is unknown", cells_[Column::kind]));
    }
    exchange.sent_us = integer(Column::sent_us);
    exchange.answered_us = integer(Column::answered_us);
    exchange.sale_id = uuid(Column::sale_id);
    exchange.customer_id = uuid(Column::customer_id);
    exchange.key = digest_of(cells_[Column::key]);
    exchange.quantity = optional_integer(Column::quantity).value_or(0);
    exchange.order_id.reset();
    if (cells_[Column::order_id] != "-") exchange.order_id = uuid(Column::order_id);
    exchange.status = static_cast<int>(integer(Column::status));
    exchange.code = cells_[Column::code] == "-" ? "" : cells_[Column::code];
    exchange.seq = optional_integer(Column::seq);
    exchange.pos = optional_integer(Column::pos);
    exchange.remaining = optional_integer(Column::remaining);
    exchange.unit_price_cents = optional_integer(Column::unit_price_cents);
    return true;
}

void LogReader::fail(const std::string& what) const {
    throw std::runtime_error(fmt::format("{}:{}: {}", path_.string(), line_, what));
}

std::int64_t LogReader::integer(std::size_t column) const {
    const auto value = optional_integer(column);
    if (!value) fail(fmt::format("column {} is empty", column + 1));
    return *value;
}

std::optional<std::int64_t> LogReader::optional_integer(std::size_t column) const {
    const std::string_view text = cells_[column];
    if (text == "-") return std::nullopt;
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) {
        fail(fmt::format("column {}: '{}' is not a number", column + 1, text));
    }
    return value;
}

base::Uuid LogReader::uuid(std::size_t column) const {
    const auto id = base::Uuid::parse(cells_[column]);
    if (!id) fail(fmt::format("column {}: '{}' is not a UUID", column + 1, cells_[column]));
    return *id;
}

}  // namespace cli
