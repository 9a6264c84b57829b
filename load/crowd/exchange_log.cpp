#include "crowd/exchange_log.hpp"

#include <cerrno>
#include <cstring>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

namespace crowd {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;

void append_text(std::string& out, std::string_view text) {
    out += text.empty() ? std::string_view("-") : text;
    out += '\t';
}

void append_number(std::string& out, const std::optional<std::int64_t>& number, char end) {
    if (number) {
        fmt::format_to(std::back_inserter(out), "{}{}", *number, end);
    } else {
        out += '-';
        out += end;
    }
}

}  // namespace

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::take:
            return "take";
        case Kind::pay:
            return "pay";
        case Kind::cancel:
            return "cancel";
    }
    return "";
}

ExchangeLog::ExchangeLog(const std::string& path, std::string sale_id)
    : path_(path), sale_id_(std::move(sale_id)), file_(path, std::ios::binary | std::ios::trunc) {
    if (!file_) {
        throw std::runtime_error(
            fmt::format("can't write the log {}: {}", path, std::strerror(errno))
        );
    }
    buffer_ = header();
}

std::string_view ExchangeLog::header() {
    return "sent_us\tanswered_us\tkind\tsale_id\tcustomer_id\tkey\tquantity\torder_id\tstatus\tcode"
           "\tseq\tpos\tremaining\tunit_price_cents\n";
}

void ExchangeLog::append(
    std::string& out, std::string_view sale_id, const LoggedExchange& exchange
) {
    fmt::format_to(std::back_inserter(out), "{}\t{}\t", exchange.sent_us, exchange.answered_us);
    append_text(out, to_string(exchange.kind));
    append_text(out, sale_id);
    append_text(out, exchange.customer_id);
    append_text(out, exchange.key);
    fmt::format_to(std::back_inserter(out), "{}\t", exchange.quantity);
    append_text(out, exchange.order_id);
    fmt::format_to(std::back_inserter(out), "{}\t", exchange.status);
    append_text(out, exchange.code);
    append_number(out, exchange.seq, '\t');
    append_number(out, exchange.pos, '\t');
    append_number(out, exchange.remaining, '\t');
    append_number(out, exchange.unit_price_cents, '\n');
}

void ExchangeLog::add(const LoggedExchange& exchange) {
    append(buffer_, sale_id_, exchange);
    if (buffer_.size() >= buffer_bytes) flush();
}

void ExchangeLog::flush() {
    file_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    file_.flush();
    buffer_.clear();
    if (!file_) {
        throw std::runtime_error(fmt::format(
            "can't write the log {}: {}; free some space and run again", path_, std::strerror(errno)
        ));
    }
}

}  // namespace crowd
