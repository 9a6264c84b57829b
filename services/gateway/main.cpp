#include "gateway/app.hpp"
#include "service/run.hpp"

int main(int argc, char** argv) {
    return service::run(
        argc,
        argv,
        "gateway",
        gateway::App::make,
        "It is the shop's one door: it checks access tokens and passes requests on to the rooms."
    );
}
