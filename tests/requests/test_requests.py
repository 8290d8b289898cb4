"""Random requests of several clients at once; README.md in this folder."""
import run


def test_whatever_is_asked_the_server_answers_rightly_and_goes_on(seed, seconds):
    server = run.start_server()
    try:
        this = run.Run(server, seed, seconds)
        findings = this.run()
        print(this.summary())
        assert not findings, "\n\n".join([f"INSULA_TEST_SEED={seed}", *findings, server.log_tail()])
    finally:
        server.close()
