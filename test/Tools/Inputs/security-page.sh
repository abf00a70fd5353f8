# security-page.sh SOURCE: fails where the page names a test that does not exist.
cd "$1" || exit 1
missing=0
for name in $(sed -n '/^| [0-9]/p' docs/Security.md | grep -o '`[A-Z][A-Za-z]*[./][A-Za-z/.-]*`' | tr -d '`'); do
  case $name in
  *.test) [ -f "test/$name" ] ;;
  *) grep -rqE "TEST(_F|_P)?\(${name%.*}, ${name#*.}\)" test/Unit test/EndToEnd ;;
  esac || { echo "no test $name"; missing=1; }
done
exit $missing
