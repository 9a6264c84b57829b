#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "base/uuid.hpp"
#include "order/clients/peer_client.hpp"

// The wire between two order pods: POST /internal/v1/flash-sales/{id}/batches. Deadlines are
// moments of the database's clock, which both pods measure.

namespace order::peer {

struct TakeMessage {
    base::Uuid order_id;
    base::Uuid customer_id;
    base::Uuid key;
    base::Uuid fingerprint;
    std::int32_t quantity = 0;
    std::int64_t deadline_us = 0;
};
BOOST_DESCRIBE_STRUCT(
    TakeMessage, (), (order_id, customer_id, key, fingerprint, quantity, deadline_us)
)

struct ReturnMessage {
    base::Uuid order_id;
    base::Uuid customer_id;
};
BOOST_DESCRIBE_STRUCT(ReturnMessage, (), (order_id, customer_id))

struct BatchMessage {
    std::vector<TakeMessage> takes;
    std::vector<ReturnMessage> returns;
};
BOOST_DESCRIBE_STRUCT(BatchMessage, (), (takes, returns))

struct TakeAnswerMessage {
    std::int32_t kind = 0;
    std::int32_t outcome = 0;
    base::Uuid order_id;
    std::int64_t seq = 0;
    std::optional<std::int64_t> pos;
    std::int64_t remaining = 0;
    std::int64_t expires_at_us = 0;
    std::optional<std::int64_t> next_expiry_us;
};
BOOST_DESCRIBE_STRUCT(
    TakeAnswerMessage,
    (),
    (kind, outcome, order_id, seq, pos, remaining, expires_at_us, next_expiry_us)
)

struct ReturnAnswerMessage {
    std::int32_t kind = 0;
    std::int32_t outcome = 0;
};
BOOST_DESCRIBE_STRUCT(ReturnAnswerMessage, (), (kind, outcome))

struct AnswersMessage {
    std::vector<TakeAnswerMessage> takes;
    std::vector<ReturnAnswerMessage> returns;
    std::int64_t seq = 0;
    std::int32_t state = 0;
    bool sold_out = false;
    std::int64_t remaining = 0;
    std::optional<std::int64_t> next_expiry_us;
};
BOOST_DESCRIBE_STRUCT(
    AnswersMessage, (), (takes, returns, seq, state, sold_out, remaining, next_expiry_us)
)

/// ForwardedBatch::waited. Of a pod of the version before, which doesn't say, 0: its buyers are as
/// good as new.
std::chrono::milliseconds waited_of(const http::Headers& headers);

BatchMessage to_message(const ForwardedBatch& batch);
ForwardedBatch from_message(const BatchMessage& message);
AnswersMessage to_message(const ForwardedAnswers& answers);
ForwardedAnswers from_message(const AnswersMessage& message);

}  // namespace order::peer
