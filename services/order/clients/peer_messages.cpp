#include "order/clients/peer_messages.hpp"

#include <algorithm>

#include "base/whole_number.hpp"

namespace order::peer {

namespace {

// Nobody is waited for as long.
constexpr std::int64_t waited_ms_max = 60'000;

}  // namespace

std::chrono::milliseconds waited_of(const http::Headers& headers) {
    const auto told = headers.get(waited_header).value_or("");
    const auto waited_ms = base::whole_number<std::int64_t>(told).value_or(0);
    return std::chrono::milliseconds(std::clamp(waited_ms, std::int64_t{0}, waited_ms_max));
}

BatchMessage to_message(const ForwardedBatch& batch) {
    BatchMessage message;
    message.takes.reserve(batch.takes.size());
    for (const Take& take : batch.takes) {
        message.takes.push_back(
            {take.order_id,
             take.customer_id,
             take.key,
             take.fingerprint,
             take.quantity,
             take.deadline_us}
        );
    }
    for (const Return& wish : batch.returns) {
        message.returns.push_back({wish.order_id, wish.customer_id});
    }
    return message;
}

ForwardedBatch from_message(const BatchMessage& message) {
    ForwardedBatch batch;
    batch.takes.reserve(message.takes.size());
    for (const TakeMessage& take : message.takes) {
        batch.takes.push_back(
            {take.order_id,
             take.customer_id,
             take.key,
             take.fingerprint,
             take.quantity,
             take.deadline_us}
        );
    }
    for (const ReturnMessage& wish : message.returns) {
        batch.returns.push_back({wish.order_id, wish.customer_id});
    }
    return batch;
}

AnswersMessage to_message(const ForwardedAnswers& answers) {
    AnswersMessage message;
    message.takes.reserve(answers.takes.size());
    for (const TakeAnswer& take : answers.takes) {
        message.takes.push_back(
            {static_cast<std::int32_t>(take.kind),
             static_cast<std::int32_t>(take.outcome),
             take.order_id,
             take.seq,
             take.pos,
             take.remaining,
             take.expires_at_us,
             take.next_expiry_us}
        );
    }
    for (const ReturnAnswer& wish : answers.returns) {
        message.returns.push_back(
            {static_cast<std::int32_t>(wish.kind), static_cast<std::int32_t>(wish.outcome)}
        );
    }
    message.seq = answers.seq;
    message.state = static_cast<std::int32_t>(answers.state);
    message.sold_out = answers.sold_out;
    message.remaining = answers.remaining;
    message.next_expiry_us = answers.next_expiry_us;
    return message;
}

ForwardedAnswers from_message(const AnswersMessage& message) {
    ForwardedAnswers answers;
    answers.takes.reserve(message.takes.size());
    for (const TakeAnswerMessage& take : message.takes) {
        answers.takes.push_back(
            {static_cast<TakeAnswer::Kind>(take.kind),
             static_cast<TakeOutcome>(take.outcome),
             take.order_id,
             take.seq,
             take.pos,
             take.remaining,
             take.expires_at_us,
             take.next_expiry_us}
        );
    }
    for (const ReturnAnswerMessage& wish : message.returns) {
        answers.returns.push_back(
            {static_cast<ReturnAnswer::Kind>(wish.kind), static_cast<ReturnOutcome>(wish.outcome)}
        );
    }
    answers.seq = message.seq;
    answers.state = static_cast<SaleState>(message.state);
    answers.sold_out = message.sold_out;
    answers.remaining = message.remaining;
    answers.next_expiry_us = message.next_expiry_us;
    return answers;
}

}  // namespace order::peer
