"""Authorization servers, ours and other people's, each with a small API that takes its tokens."""
