// The shortest program that is linked dynamically.
int main(void) { return 0; }
